package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A disk that is full refuses what peers send and what programs write, and says so; nothing is lost, and once there is
// room all goes on.
func TestAFullDisk(t *testing.T) {
	if os.Getuid() != 0 { // who can't have a disk of their own
		return
	}
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

// A disk that has become read-only for an error refuses what programs write, as it would without a mount, and status says so.
func TestAReadOnlyDisk(t *testing.T) {
	if os.Getuid() != 0 { // who can't have a disk of their own
		return
	}
	c := newCluster(t, embedded)
	disk, image := filepath.Join(c.dir, "disk"), filepath.Join(c.dir, "image")
	run := func(program string, args ...string) string {
		t.Helper()
		out, err := exec.Command(program, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", program, args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	run("truncate", "-s", "200M", image)
	run("mkfs.ext4", "-q", image)
	run("mount", "-o", "loop,errors=remount-ro", image, disk)
	t.Cleanup(func() { run("umount", "-l", disk) })
	a := newStation(t, disk, "a")
	a.Mount()
	a.shell("echo content > f; sync")
	a.Flush()
	loop := filepath.Base(run("findmnt", "-n", "-o", "SOURCE", disk))
	if err := os.WriteFile("/sys/fs/ext4/"+loop+"/trigger_fs_error", []byte("the test's"), 0); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"echo new > g", "echo more >> f", "mkdir d", "mv f g", "rm f", "chmod 600 f"} {
		if r := a.exec("/bin/sh", "-c", line); r.status == 0 || !strings.Contains(r.stderr, "Read-only file system") {
			t.Errorf("%s: status %d: %s", line, r.status, r.stderr)
		}
	}
	if l := a.shell("ls; cat f"); l != "f\ncontent\n" {
		t.Errorf("it holds %q", l)
	}
	if r := a.Run("status", a.Dir); !strings.Contains(r, "read-only file system") || !strings.Contains(r, "writable") {
		t.Errorf("status says\n%s", r)
	}
	a.Umount() // the daemon gives its journal up
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
