package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A disk that is full refuses what peers send and what programs write, and says so; nothing is lost, and once there is
// room all goes on.
func TestAFullDisk(t *testing.T) {
	c := newCluster(t, embedded)
	a := c.Station("a")
	b, remount := c.StationOn("size=8m", "b")
	a.Mount()
	b.Mount()
	c.Link(a, b)
	a.shell("for f in one two three; do head -c 3500000 /dev/urandom > $f; done; echo content > small")
	if r := a.Try("flush", a.Dir); r.status != 3 {
		t.Errorf("a flush of more than fits: status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	r := b.Try("flush", b.Dir)
	if r.status != 3 || !strings.Contains(r.stderr, "no space left on device") || strings.Contains(r.stderr, "a doesn't have") {
		t.Errorf("on the full disk: status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	if r := b.Run("status", b.Dir); !strings.Contains(r, "no space left on device") || !strings.Contains(r, "make room") {
		t.Errorf("status does not tell of the full disk, or names no mend:\n%s", r)
	}
	if l := b.shell("ls; cat small"); l != "one\nsmall\nthree\ntwo\ncontent\n" {
		t.Errorf("listed: %q", l)
	}
	if r := b.exec("/bin/sh", "-c", "dd if=/dev/zero of=mine bs=1M count=20 conv=fsync"); r.status == 0 || !strings.Contains(r.stderr, "No space left") {
		t.Errorf("a program writes: status %d\n%s", r.status, r.stderr)
	}
	b.shell("rm mine")
	remount("size=64m")
	b.shell("echo mine > mine")
	for _, s := range []*station{b, a} {
		s.FlushAtLast()
	}
	const sums = "sha256sum one two three small mine"
	if want, got := a.shell(sums), b.shell(sums); want != got {
		t.Errorf("at last\n%snot\n%s", got, want)
	}
}

// StationOn makes a station that is not mounted yet on a disk of its own, and returns what gives that disk other options.
func (c *cluster) StationOn(options, name string) (*station, func(string)) {
	c.t.Helper()
	disk := filepath.Join(c.dir, "disk")
	mount := func(flags uintptr, options string) {
		c.t.Helper()
		if err := syscall.Mount("tmpfs", disk, "tmpfs", flags, options); err != nil {
			c.t.Fatalf("mount a disk (root is needed): %v", err)
		}
	}
	if err := os.Mkdir(disk, 0o755); err != nil {
		c.t.Fatal(err)
	}
	mount(0, options+",mode=755")
	c.t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			c.t.Error(err)
		}
	})
	s := newStation(c.t, disk, name)
	s.home = filepath.Join(c.dir, name+".home")
	if err := os.Mkdir(s.home, 0o755); err != nil {
		c.t.Fatal(err)
	}
	return s, func(options string) {
		c.t.Helper()
		mount(syscall.MS_REMOUNT, options)
	}
}
