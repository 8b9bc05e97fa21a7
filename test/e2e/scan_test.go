package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// manyFiles is how many a folder has that is made a replica.
const manyFiles = 6000

// A folder that has many files serves at once; the scan that takes them in runs behind it, and says how far it is. The
// next mount reads none of them again, and takes in what was changed meanwhile.
func TestALargeFolderIsServedWhileItIsScanned(t *testing.T) {
	c := newCluster(t, embedded)
	a, b := c.Station("a"), c.Station("b")
	for i := range manyFiles {
		if i%100 == 0 {
			a.Mkdir(fmt.Sprintf("d%d", i/100))
		}
		a.must(os.WriteFile(a.Path(fmt.Sprintf("d%d/f%d", i/100, i)), fmt.Appendf(nil, "%0200d", i), 0o644))
	}
	a.Mount()
	served, far := 0, int64(0)
	for {
		i := (served * 7919) % manyFiles
		a.Want(fmt.Sprintf("d%d/f%d", i/100, i), fmt.Sprintf("%0200d", i))
		st := a.Status()
		if st.Scan.Files < far {
			t.Errorf("the scan goes back from %d to %d", far, st.Scan.Files)
		}
		far = st.Scan.Files
		if !st.Scan.Running {
			break
		}
		served++
	}
	t.Logf("%d files were read during the scan, which was at %d when last asked", served, far)
	if served == 0 {
		t.Error("no file could be read before the scan was done")
	}
	a.Umount()
	a.Write("d3/f301", "changed while unmounted")
	a.Remove("d3/f302")
	a.Rename("d4", "moved")

	a.Mount()
	if !until(patience, func() bool { return !a.Status().Scan.Running }) {
		t.Fatal("the second scan does not end")
	}
	if n := a.hasRead(); n > manyFiles*200/10 {
		t.Errorf("the second mount has read %d bytes", n)
	}
	b.Mount()
	c.Link(a, b)
	a.FlushAtLast()
	b.Want("d3/f301", "changed while unmounted")
	b.WantNone("d3/f302")
	b.Want("moved/f400", fmt.Sprintf("%0200d", 400))
	WantEqual(t, a, b)
}

// hasRead is how many bytes the daemon has read from files.
func (s *station) hasRead() int {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.Status().PID), "io"))
	s.must(err)
	_, rest, _ := strings.Cut(string(text), "rchar: ")
	line, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(line)
	s.must(err)
	return n
}
