package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Go's source from an empty start, over OpenSSH: unpacked in the mount, equal to the original, equal on both
// replicas after one flush; then what costs next to nothing. Times depend on what else the machine does: they
// are logged, and held to their bounds by `make bench` alone, over both transports.
func TestGoSourceFromAnEmptyStart(t *testing.T) {
	if timed {
		overBoth(t, fromAnEmptyStart)
	} else {
		fromAnEmptyStart(t, openSSH)
	}
}

// timed: measured times are held to bounds.
var timed = os.Getenv("SYNCFS_BENCH") != ""

func fromAnEmptyStart(t *testing.T, via transport) {
	src := filepath.Join(goRoot(t), "src")
	c := newCluster(t, via)
	s := c.Mounted("a", "b")
	a, b := s[0], s[1]

	archive := filepath.Join(c.dir, "src.tar")
	newTool(t, "tar", "cf", archive, "-C", filepath.Dir(src), "src").run()
	newTool(t, "tar", "xf", archive, "-C", a.Dir).run()
	newTool(t, "diff", "-r", src, a.Path("src")).run()

	spentA, spentB := a.CPU(), b.CPU()
	start := time.Now()
	a.Flush()
	took := time.Since(start)
	spentA, spentB = a.CPU()-spentA, b.CPU()-spentB
	entries := WantEqual(t, a, b)
	wantEqual(t, "the original", prefixed(readTree(t, src)), "a", entries)
	byRsync := rsync(c, src)
	t.Logf("%d entries: flush %v (the daemons' CPU %v and %v), rsync -a %v, ratio %.2f",
		len(entries), took, spentA, spentB, byRsync, took.Seconds()/byRsync.Seconds())
	if timed && took > 2*byRsync {
		t.Errorf("a flush took %v, more than twice as long as rsync -a, %v", took, byRsync)
	}

	t.Run("a flush with nothing to do costs next to nothing", func(t *testing.T) {
		before, best := a.Traffic(), time.Hour
		for range 5 {
			start := time.Now()
			a.Flush()
			best = min(best, time.Since(start))
		}
		spent := (a.Traffic() - before) / 5
		t.Logf("%v, the start of the program included, and %d bytes on the wire", best, spent)
		if spent > 2048 {
			t.Errorf("a flush with nothing to do took %d bytes on the wire", spent)
		}
		if timed && best > 250*time.Millisecond {
			t.Errorf("a flush with nothing to do took %v", best)
		}
	})
	t.Run("renamed, 10,000 files are one record", func(t *testing.T) {
		before := a.Traffic()
		a.Rename("src", "source")
		start := time.Now()
		a.Flush()
		t.Logf("%d bytes on the wire, %v", a.Traffic()-before, time.Since(start))
		if n := a.Traffic() - before; before == 0 || n == 0 || n >= 4096 {
			t.Errorf("renaming a directory took %d bytes on the wire (%d before)", n, before)
		}
		b.WantNames("", "source")
		b.Want("source/go.mod", a.Read("source/go.mod"))
	})
	t.Run("unmounted, all is there as plain files", func(t *testing.T) {
		b.Umount()
		wantEqual(t, "the mount of a", readTree(t, a.Dir), "the plain folder of b", readTree(t, b.Dir))
	})
}

// prefixed puts a tree below the directory src, which has the mode of directories unpacked by tar.
func prefixed(below tree) tree {
	all := tree{"src": {mode: fs.ModeDir | 0o755}}
	for path, e := range below {
		all["src/"+path] = e
	}
	return all
}

// rsync is how long rsync -a takes for the same data, by an OpenSSH server, into a plain directory.
func rsync(c *cluster, src string) time.Duration {
	c.t.Helper()
	if c.sshd == nil {
		c = newCluster(c.t, openSSH)
	}
	ssh := fmt.Sprintf("ssh -F %s -i %s -o UserKnownHostsFile=%s", c.ssh("config"), c.ssh("id_ed25519"), c.ssh("known_hosts"))
	start := time.Now()
	newTool(c.t, "rsync", "-a", "-e", ssh, src, c.sshd.Host+":"+filepath.Join(c.dir, "by-rsync")).run()
	return time.Since(start)
}
