package fusefs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"syncfs/journal/change"
	"syncfs/journal/step"
)

func startNamed(t *testing.T) *tester {
	return startWith(t, func(o *Options) { o.Replica = "here" })
}

// whenStill makes a step as soon as the file is not busy any more.
func (t *tester) whenStill(fn func() error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		err := fn()
		if err == nil {
			return
		}
		// What the kernel kept of it may have changed it, when it was brought to light.
		if !errors.Is(err, step.ErrBusy) && !errors.Is(err, step.ErrChanged) || time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(50 * time.Millisecond)
	}
}

func (t *tester) openFor(path, content string) *os.File {
	t.Helper()
	t.write(path, content)
	f, err := os.OpenFile(t.path(path), os.O_RDWR, 0)
	t.must(err)
	t.Cleanup(func() { f.Close() })
	return f
}

// A mapping is a file that another process has mapped and writes to through the mapping: a process that waits for a
// page of its own mount may keep its own threads from bringing it.
type mapping struct {
	t   *tester
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

const mapperEnv = "FUSEFS_TEST_MAP"

func (t *tester) mapped(path string) *mapping {
	t.Helper()
	self, err := os.Executable()
	t.must(err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), mapperEnv+"="+t.path(path))
	in, err := cmd.StdinPipe()
	t.must(err)
	out, err := cmd.StdoutPipe()
	t.must(err)
	t.must(cmd.Start())
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	return &mapping{t, cmd, in, bufio.NewReader(out)}
}

// store writes the next byte of the mapping.
func (m *mapping) store(b byte) {
	m.t.Helper()
	_, err := m.in.Write([]byte{b})
	m.t.must(err)
	_, err = m.out.ReadByte()
	m.t.must(err)
}

func (m *mapping) end() {
	m.t.Helper()
	m.t.must(m.in.Close())
	m.t.must(m.cmd.Wait())
}

// mapperMain is the other process: it stores what comes on standard input, and says so of each byte.
func mapperMain(path string) int {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 1
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return 1
	}
	var b [1]byte
	for i := 0; ; i++ {
		if _, err := os.Stdin.Read(b[:]); err != nil {
			return 0
		}
		mem[i] = b[0]
		os.Stdout.Write(b[:])
	}
}

func (t *tester) placeWhenStill(path, content string) {
	t.Helper()
	staged := t.stage("s-"+strings.ReplaceAll(path, "/", "-"), content)
	t.whenStill(func() error {
		_, _, err := t.Place(staged, path, t.signature(path))
		return err
	})
}

func (t *tester) removeWhenStill(path string) {
	t.Helper()
	t.whenStill(func() error {
		_, err := t.Remove(path, t.signature(path))
		return err
	})
}

// marked waits for a file to come back under a conflict name of what it was, and to settle.
func (t *tester) marked(dir, stem, ext string) string {
	t.Helper()
	c := t.rec.wait(t.T, "a file that comes back as "+stem, func(c change.Change) bool {
		name := strings.TrimPrefix(c.Path, dir)
		return c.Kind == change.Create && strings.HasPrefix(name, stem+" (conflict ") && strings.HasSuffix(name, " here)"+ext)
	})
	t.rec.waitSettled(t.T, c.Path)
	return c.Path
}

// What a program writes to a file that a step took from its place while the program had it open comes back as a file
// of its own, however it is written; what it does not write to goes to trash when it is closed.
func TestWrittenAfterItWasReplaced(t *testing.T) {
	m := startNamed(t)
	m.must(os.Mkdir(m.path("d"), 0o755))
	m.must(os.MkdirAll(m.path("gone/deep"), 0o755))
	written := m.openFor("d/written.txt", "old")
	m.write("mapped", strings.Repeat("m", 4096))
	mapped := m.mapped("mapped")
	cut := m.openFor("cut", "old")
	removed := m.openFor("removed", "old")
	deep := m.openFor("gone/deep/f", "old")
	unwritten := m.openFor("unwritten", "old")
	mapped.store('M')
	for _, f := range []string{"d/written.txt", "mapped", "cut", "unwritten"} {
		m.placeWhenStill(f, "of a peer")
	}
	for _, f := range []string{"removed", "gone/deep/f", "gone/deep", "gone"} {
		m.removeWhenStill(f)
	}
	m.rec.take()

	_, err := written.WriteAt([]byte("new"), 3)
	m.must(err)
	m.must(written.Close())
	mapped.store('N')
	mapped.end()
	m.must(cut.Truncate(1))
	m.must(cut.Close())
	for _, f := range []*os.File{removed, deep} {
		_, err = f.WriteString("new")
		m.must(err)
		m.must(f.Close())
	}
	m.must(unwritten.Close())

	m.want(m.marked("d/", "written", ".txt"), "oldnew")
	m.want(m.marked("", "mapped", ""), "MN"+strings.Repeat("m", 4094))
	m.want(m.marked("", "cut", ""), "o")
	for _, f := range []string{"removed", "gone/deep/f"} {
		m.rec.wait(t, f, func(c change.Change) bool { return c.Kind == change.Create && c.Path == f })
		m.rec.waitSettled(t, f)
		m.want(f, "new")
	}
	for _, f := range []string{"d/written.txt", "mapped", "cut", "unwritten"} {
		m.want(f, "of a peer")
	}
	for deadline := time.Now().Add(patience); len(m.trashed("unwritten")) != 1; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what was not written is not in trash")
		}
	}
	if l, err := os.ReadDir(m.under + "/.syncfs/open"); err != nil || len(l) != 0 {
		t.Errorf("left: %v, %v", l, err)
	}
	if names := m.names(""); strings.Count(names, "(conflict ") != 2 || !strings.Contains(names, "gone") {
		t.Errorf("listed: %s", names)
	}
}

// A file that has come back is what the program has open: it goes on writing to it, and others see it.
func TestGoesOnWritingWhatHasComeBack(t *testing.T) {
	m := startNamed(t)
	f := m.openFor("log", "1")
	m.placeWhenStill("log", "of a peer")
	m.rec.take()
	m.must(m.Sync(t.Context()))
	if all := m.rec.take(); len(all) != 0 {
		t.Errorf("not written, and told: %s", show(all))
	}
	_, err := f.WriteAt([]byte("2"), 1)
	m.must(err)
	m.must(m.Sync(t.Context()))
	back := m.marked("", "log", "")
	m.want(back, "12")
	_, err = f.WriteAt([]byte("3"), 2)
	m.must(err)
	m.must(f.Close())
	m.want(back, "123")
	m.rec.wait(t, "the second write", func(c change.Change) bool { return c.Kind == change.Settled && c.Path == back })
	if info, err := os.Stat(m.path(back)); err != nil || info.Sys().(*syscall.Stat_t).Nlink != 1 {
		t.Errorf("stat: %+v, %v", info, err)
	}
	m.write(back, "4")
	m.must(os.Remove(m.path(back)))
	m.want("log", "of a peer")
}

// A daemon that ends without a word while such a file is open leaves it in .syncfs: the next mount brings it back if it
// was written.
func TestWrittenAfterItWasReplacedAndKilled(t *testing.T) {
	m := startNamed(t)
	m.must(os.MkdirAll(m.under+"/.syncfs/open/1-3/d", 0o755))
	m.must(os.MkdirAll(m.under+"/.syncfs/open/1000000000-3/d", 0o755))
	for _, top := range []string{"1-3", "1000000000-3"} {
		f := m.under + "/.syncfs/open/" + top + "/d/f.txt"
		m.must(os.WriteFile(f, []byte("new"), 0o644))
		m.must(os.Chtimes(f, time.Time{}, time.Unix(1, 0)))
	}
	m.must(m.Unmount())
	m = startIn(t, m.dir, func(o *Options) { o.Replica = "here" })
	m.want("d/f.txt", "new")
	if got := m.trashed("d/f.txt"); len(got) != 1 || got[0] != "new" {
		t.Errorf("in trash: %q", got)
	}
}

// What is opened to be written after a step took it from its place comes back as well.
func TestOpenedAfterItWasReplaced(t *testing.T) {
	m := startNamed(t)
	for _, flag := range []int{os.O_WRONLY, os.O_WRONLY | os.O_TRUNC} {
		name := fmt.Sprint("f", flag)
		m.write(name, "old")
		r, err := os.Open(m.path(name))
		m.must(err)
		m.placeWhenStill(name, "of a peer")
		w, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", r.Fd()), flag, 0)
		m.must(err)
		_, err = w.WriteString("new")
		m.must(errors.Join(err, w.Close(), r.Close()))
		m.want(m.marked("", name, ""), "new")
		m.want(name, "of a peer")
	}
}

// A file whose times cannot tell whether it was written since it was opened is taken for written by Sync: the kernel
// may not have told yet that it was closed.
func TestSyncTakesNoChance(t *testing.T) {
	m := startNamed(t)
	m.write("f", "1")
	m.rec.waitSettled(t, "f")
	m.must(os.Chmod(m.path("f"), 0o600))
	f, err := os.OpenFile(m.path("f"), os.O_WRONLY, 0)
	m.must(err)
	defer f.Close()
	m.rec.take()
	m.must(m.Sync(t.Context()))
	dirty := strings.Contains(show(m.rec.take()), "dirty f")
	if passed := !m.v.pass.off.Load(); dirty != passed {
		t.Errorf("dirty: %v, passed through: %v", dirty, passed)
	}
}
