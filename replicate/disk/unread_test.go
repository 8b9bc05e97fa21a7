package disk

import (
	"errors"
	"syscall"
	"testing"
)

// wantUnread has a flush say that these can't be read.
func (s *station) wantUnread(paths ...string) {
	s.t.Helper()
	s.settled()
	l, err := s.folder.Undone(s.ctx())
	s.must(err)
	rest, err := s.folder.Rest(s.ctx())
	s.must(err)
	for i, r := range l {
		if i >= len(paths) || r.Path != paths[i] || !errors.Is(r.Err, syscall.EACCES) {
			s.t.Errorf("not done: %v, want %q", l, paths)
			break
		}
	}
	if len(l) != len(paths) || rest.Steps != len(paths) {
		s.t.Errorf("not done: %v, %d steps, want %q", l, rest.Steps, paths)
	}
}

// What can't be read is told of, and taken in once it can.
func TestUnreadFiles(t *testing.T) {
	a, b := pair(t)
	a.must(a.mkdir("d"))
	for _, f := range []string{"edited", "moved", "one"} {
		a.must(a.write(f, "1"))
	}
	a.must(a.link("one", "two"))
	converge(t, a, b)
	for _, f := range []string{"edited", "moved", "d/moved", "one", "two", "d/new", "d/removed", "asked"} {
		a.denied.Store(f, syscall.EACCES)
	}
	for _, f := range []string{"edited", "moved", "one", "d/new", "d/removed", "asked"} {
		a.must(a.write(f, "2"))
	}
	a.wantUnread("asked", "d/new", "d/removed", "edited", "moved", "one")
	a.must(a.rename("moved", "d/moved"))
	a.must(a.unlink("d/removed"))
	a.must(a.unlink("one"))
	a.wantUnread("asked", "d/moved", "d/new", "edited", "two")
	b.pull(a)
	b.want("edited", "1")

	for _, f := range []string{"edited", "d/moved", "two", "d/new"} {
		a.denied.Delete(f)
		a.must(a.chmod(f, 0o640))
	}
	a.wantUnread("asked")
	a.denied.Delete("asked")
	a.must(a.folder.Retry(a.ctx()))
	a.wantUnread()
	converge(t, a, b)
	for _, f := range []string{"edited", "d/moved", "two", "d/new", "asked"} {
		b.want(f, "2")
	}
}

// So is a directory.
func TestUnreadDirectories(t *testing.T) {
	a, b := pair(t)
	a.must(a.mkdir("d"))
	a.must(a.write("d/f", "1"))
	converge(t, a, b)
	a.end()
	a.must(a.write("d/f", "2"))
	a.denied.Store("d", syscall.EACCES)
	a.begin()
	a.wantUnread("d")
	b.pull(a)
	b.want("d/f", "1")
	a.denied.Delete("d")
	a.must(a.chmod("d", 0o700))
	a.wantUnread()
	converge(t, a, b)
	b.want("d/f", "2")
}
