package fusefs

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"syncfs/journal/signature"
	"syncfs/journal/step"
)

// exchange has two paths change places by a step, and their new stats be those that are there.
func (t *tester) exchange(from, to string) {
	t.Helper()
	there, back, _, err := t.Exchange(from, to, t.signature(from), t.signature(to))
	t.must(err)
	for path, st := range map[string]step.Stat{to: there, from: back} {
		if now, err := t.Stat(path); err != nil || now != st {
			t.Errorf("%s: told %+v, there is %+v, %v", path, st, now, err)
		}
	}
}

// Files, directories and symlinks change places with one another, in directories that programs know and in others; they
// are seen under their new names at once, what is open goes along, and nothing is recorded.
func TestExchangeIsSeenAtOnce(t *testing.T) {
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprint("known=", known), func(t *testing.T) {
			m := start(t)
			root := m.under
			if known {
				root = m.dir
			}
			for _, d := range []string{"d", "d/sub", "e"} {
				m.must(os.Mkdir(root+"/"+d, 0o755))
			}
			for _, f := range []string{"f", "d/x", "d/sub/y", "e/z"} {
				m.must(os.WriteFile(root+"/"+f, []byte("of "+f), 0o644))
			}
			m.must(os.Symlink("target", root+"/e/link"))
			if known {
				m.rec.waitSettled(t, "e/z")
				m.want("d/sub/y", "of d/sub/y")
				m.want("e/z", "of e/z")
				m.names("d")
				m.names("e")
			}
			m.rec.take()

			m.exchange("d/x", "e/z")
			m.want("d/x", "of e/z")
			m.want("e/z", "of d/x")
			open, err := os.Open(m.path("d/sub/y"))
			m.must(err)
			defer open.Close()
			m.exchange("d", "e")
			m.want("e/sub/y", "of d/sub/y")
			m.want("d/z", "of d/x")
			m.exchange("e/sub", "d/link")
			m.want("d/link/y", "of d/sub/y")
			if to, err := os.Readlink(m.path("e/sub")); err != nil || to != "target" {
				t.Errorf("%q, %v", to, err)
			}
			m.exchange("f", "d")
			m.want("d", "of f")
			m.want("f/link/y", "of d/sub/y")
			b := make([]byte, 20)
			if n, err := open.ReadAt(b, 0); string(b[:n]) != "of d/sub/y" {
				t.Errorf("what is open reads %q, %v", b[:n], err)
			}
			for dir, want := range map[string]string{"": "d e f", "e": "sub x", "f": "link z", "f/link": "y"} {
				if names := m.names(dir); names != want {
					t.Errorf("in %q: %s, want %s", dir, names, want)
				}
			}
			if all := m.rec.take(); len(all) != 0 {
				t.Errorf("steps were recorded: %s", show(all))
			}
			m.write("f/link/new", "goes where it was meant")
			m.rec.waitSettled(t, "f/link/new")
		})
	}
}

func TestExchangeRefused(t *testing.T) {
	for _, seen := range []bool{true, false} {
		m := start(t)
		m.must(os.MkdirAll(m.under+"/d/e", 0o755))
		for _, f := range []string{"d/f", "d/g"} {
			m.must(os.WriteFile(m.under+"/"+f, []byte(f), 0o644))
		}
		m.must(os.Link(m.under+"/d/f", m.under+"/d/again"))
		if seen {
			m.names("")
			m.names("d")
			m.want("d/f", "d/f")
		}
		refused := func(what, from, to string, a, b signature.Signature, want error) {
			t.Helper()
			if _, _, _, err := m.Exchange(from, to, a, b); !errors.Is(err, want) {
				t.Errorf("seen=%v: %s: %v, want %v", seen, what, err, want)
			}
		}
		f, g, none := m.signature("d/f"), m.signature("d/g"), signature.Signature{}
		other := f
		other.Size++
		refused("of a change", "d/f", "d/g", other, g, step.ErrChanged)
		refused("with a change", "d/g", "d/f", g, other, step.ErrChanged)
		gone := map[bool]error{true: unix.ENOENT, false: step.ErrChanged}[seen] // the kernel finds it out
		refused("with nothing", "d/f", "d/gone", f, g, gone)
		refused("of nothing", "d/gone", "d/f", none, f, gone)
		refused("with what is in it", "d", "d/e", m.signature("d"), m.signature("d/e"), unix.EINVAL)
		refused("with what it is in", "d/g", "d", g, m.signature("d"), unix.EINVAL)
		refused("of two names of a file", "d/f", "d/again", f, f, step.ErrChanged)
		for path, want := range map[string]string{"d/f": "d/f", "d/g": "d/g", "d/again": "d/f"} {
			m.want(path, want)
		}
	}
	m := start(t)
	m.write("f", "f")
	m.write("g", "g")
	m.rec.waitSettled(t, "f")
	m.rec.waitSettled(t, "g")
	file, err := os.OpenFile(m.path("f"), os.O_WRONLY, 0)
	m.must(err)
	for _, p := range [][2]string{{"f", "g"}, {"g", "f"}} {
		_, _, _, err := m.Exchange(p[0], p[1], m.signature(p[0]), m.signature(p[1]))
		if !errors.Is(err, step.ErrBusy) {
			t.Errorf("%s, one of which is being written: %v", p, err)
		}
	}
	m.must(file.Close())
	m.rec.waitSettled(t, "f")
	m.exchange("f", "g")
	m.want("f", "g")
}

// Who watches a directory is told of both names, and who lists it meanwhile sees no other.
func TestWatchersAreToldOfExchange(t *testing.T) {
	m := start(t)
	m.must(os.Mkdir(m.path("d"), 0o755))
	m.write("d/f", "f")
	m.write("d/g", "g")
	m.rec.waitSettled(t, "d/f")
	m.rec.waitSettled(t, "d/g")
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	m.must(err)
	defer unix.Close(fd)
	_, err = unix.InotifyAddWatch(fd, m.path("d"), unix.IN_MOVED_TO|unix.IN_MOVED_FROM|unix.IN_DELETE|unix.IN_CREATE)
	m.must(err)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if l, err := os.ReadDir(m.path("d")); err != nil || len(l) != 2 || l[0].Name() != "f" || l[1].Name() != "g" {
				t.Errorf("listed: %v, %v", l, err)
				return
			}
		}
	}()
	for range 100 {
		m.exchange("d/f", "d/g")
	}
	close(stop)
	<-done
	got := strings.Join(events(t, fd)[:4], " ")
	if want := fmt.Sprintf("%x:f %x:g %x:g %x:f", unix.IN_MOVED_FROM, unix.IN_MOVED_TO, unix.IN_MOVED_FROM, unix.IN_MOVED_TO); got != want {
		t.Errorf("events %s, want %s", got, want)
	}
}

// events is what can be read from inotify at once, as mask:name.
func events(t *testing.T, fd int) (l []string) {
	t.Helper()
	buf := make([]byte, 1<<16)
	n, err := unix.Read(fd, buf)
	if err != nil {
		t.Fatal(err)
	}
	for b := buf[:n]; len(b) > 0; {
		e := (*unix.InotifyEvent)(unsafe.Pointer(&b[0]))
		size := unix.SizeofInotifyEvent + int(e.Len)
		name := strings.TrimRight(string(b[unix.SizeofInotifyEvent:size]), "\x00")
		l = append(l, fmt.Sprintf("%x:%s", e.Mask&^unix.IN_ISDIR, name))
		b = b[size:]
	}
	return l
}
