package fusefs

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What programs have open takes no descriptor that the daemon needs for itself.
func TestManyOpenFiles(t *testing.T) {
	m := start(t)
	m.write("old", "old")
	next, err := os.Open(os.DevNull)
	m.must(err)
	m.v.most.Store(int64(next.Fd()) + 40) // the test's own count too
	m.must(next.Close())

	var open []*os.File
	create := func() error {
		file, err := os.Create(m.path(fmt.Sprint("f", len(open))))
		if err == nil {
			open = append(open, file)
		}
		return err
	}
	for err == nil && len(open) < 100 {
		err = create()
	}
	if !errors.Is(err, unix.ENFILE) {
		t.Fatalf("%d files open: %v, want ENFILE", len(open), err)
	}
	if _, err := os.Stat(m.path(fmt.Sprint("f", len(open)))); !errors.Is(err, unix.ENOENT) {
		t.Errorf("a file that could not be opened is there: %v", err)
	}
	if _, err := os.ReadFile(m.path("old")); !errors.Is(err, unix.ENFILE) {
		t.Errorf("one more: %v, want ENFILE", err)
	}
	for i, file := range open {
		m.must(os.Remove(file.Name()))
		_, err := file.WriteString("still there")
		m.must(err)
		if b := make([]byte, 20); i > 0 {
			n, err := open[i-1].ReadAt(b, 0)
			if string(b[:n]) != "still there" {
				t.Errorf("a file without a name holds %q, %v", b[:n], err)
			}
		}
	}
	for _, file := range open {
		m.must(file.Close())
	}
	open = nil
	for end := time.Now().Add(10 * time.Second); ; { // they are let go of a moment after
		if err = create(); err == nil || time.Now().After(end) {
			break
		}
	}
	m.must(err)
	m.must(open[0].Close())
	m.want("old", "old")
}

// Whatever the limit is, half of it is for what programs have open, and enough is left for the rest.
func TestShares(t *testing.T) {
	for _, limit := range []int{256, 1024, 4096, 20000, 1 << 20} {
		directories, most := shares(limit)
		if files := most - directories; files < limit/2 {
			t.Errorf("of %d descriptors %d are for programs", limit, files)
		}
		if rest := limit - most; rest < min(limit/4, 1024) || directories < min(limit/8, maxDirs) {
			t.Errorf("of %d descriptors %d are for directories, and %d for the rest", limit, directories, rest)
		}
	}
}
