package disk

import (
	"errors"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"syncfs/replicate/session"
)

// What is not done is told by its path and why, and is tried again at once when that is asked for.
func TestUndoneIsNamed(t *testing.T) {
	a, b := pair(t)
	a.must(a.mkdir("d"))
	for _, f := range []string{"d/busy", "d/refused", "done"} {
		a.must(a.write(f, "1"))
	}
	converge(t, a, b)
	b.busy.Store("d/busy", true)
	b.names.Lock()
	b.fault = func(_, path string, _ bool) error {
		if path == "d/refused" {
			return &os.PathError{Op: "place", Path: path, Err: syscall.ENOSPC}
		}
		return nil
	}
	b.names.Unlock()
	for _, f := range []string{"d/busy", "d/refused", "done"} {
		a.must(a.write(f, "2"))
	}
	b.pull(a)
	b.want("done", "2")
	l, err := b.folder.Undone(b.ctx())
	b.must(err)
	if len(l) != 2 || l[0].Path != "d/busy" || !errors.Is(l[0].Err, errWriting) || l[1].Path != "d/refused" ||
		!errors.Is(l[1].Err, syscall.ENOSPC) {
		t.Errorf("%v", l)
	}
	b.noFault()
	b.busy.Delete("d/busy")
	b.must(b.folder.do(b.ctx(), func() error { // as if it had been tried in vain for long
		for s, k := range b.folder.execution.blocked {
			k.until = time.Now().Add(time.Hour)
			b.folder.execution.blocked[s] = k
		}
		return nil
	}))
	b.must(b.folder.Settle(b.ctx()))
	b.must(b.folder.Retry(b.ctx()))
	b.must(b.folder.Settle(b.ctx()))
	b.want("d/busy", "2")
	b.want("d/refused", "2")
	if l, err := b.folder.Undone(b.ctx()); err != nil || len(l) != 0 {
		t.Errorf("%v, %v", l, err)
	}
	converge(t, a, b)
}

// Contents that are not here are named by the paths that want them.
func TestLackingIsNamed(t *testing.T) {
	a, b := pair(t)
	a.must(a.mkdir("d"))
	a.must(a.write("d/f", "1"))
	a.must(a.write("edited", "1"))
	converge(t, a, b)
	a.must(a.write("edited", "2"))
	a.must(a.write("new", "same"))
	a.must(a.write("d/twin", "same"))
	b.states(a)
	b.must(b.folder.Settle(b.ctx()))
	l, err := b.folder.Lacking(b.ctx())
	if want := []string{"d/twin", "edited", "new"}; err != nil || !slices.Equal(l, want) {
		t.Errorf("%q, %v, want %q", l, err, want)
	}
	converge(t, a, b)
	if l, err := b.folder.Lacking(b.ctx()); err != nil || len(l) != 0 {
		t.Errorf("%q, %v", l, err)
	}
}

// A disk that takes no content is told of, until it takes one.
func TestNoRoomIsTold(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "1"))
	converge(t, a, b)
	s, err := b.folder.Stage(b.ctx(), session.Want{Root: hashOf("big"), Size: session.Small + 1})
	b.must(err)
	b.must(s.(*stage).File.Close()) // so that the disk refuses to write to it
	if _, err := s.WriteAt([]byte("big"), 0); err == nil {
		t.Fatal("written")
	}
	if r := b.folder.Status().Refused; len(r) != 1 || r[0].Path != ".syncfs/staging" {
		t.Errorf("%v", r)
	}
	a.must(a.write("f", "2"))
	converge(t, a, b)
	if r := b.folder.Status().Refused; len(r) != 0 {
		t.Errorf("still: %v", r)
	}
}
