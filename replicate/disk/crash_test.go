package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"syncfs/journal/item"
	"syncfs/journal/step"
	"syncfs/journal/version"
)

// errCrash ends the daemon: nothing of the transaction under way is journaled.
var errCrash = fmt.Errorf("crash: %w", context.Canceled)

// faultAfter has the n-th fault point of s, and all after it, fail with err.
func (s *station) faultAfter(n int64, err error) *atomic.Int64 {
	var passed atomic.Int64
	s.names.Lock()
	defer s.names.Unlock()
	s.fault = func(string, string, bool) error {
		if passed.Add(1) > n {
			return err
		}
		return nil
	}
	return &passed
}

func (s *station) noFault() {
	s.names.Lock()
	defer s.names.Unlock()
	s.fault = nil
}

// A story is what two stations have in common, and what one does that asks the other for steps. Entries is how many
// there are in the end.
type story struct {
	begin   func(*testing.T) (a, b *station)
	act     func(a *station)
	entries int
}

// busyStory asks for every kind of step.
var busyStory = story{
	begin: func(t *testing.T) (a, b *station) {
		t.Helper()
		a, b = pair(t)
		a.must(a.mkdir("d"))
		a.must(a.mkdir("d/e"))
		a.must(a.write("d/e/f", "1"))
		a.must(a.write("swap 1", "s1"))
		a.must(a.write("swap 2", "s2"))
		a.must(a.write("edit", "old"))
		a.must(a.write("gone", "gone"))
		a.must(a.mkdir("empty"))
		converge(t, a, b)
		return a, b
	},
	act: func(a *station) {
		a.must(a.rename("d", "moved"))
		a.must(a.exchange("swap 1", "swap 2"))
		a.must(a.write("edit", "new"))
		a.must(a.unlink("gone"))
		a.must(a.rmdir("empty"))
		a.must(a.write("moved/new", "new"))
		a.must(a.chmod("moved/e/f", 0o600))
		a.must(a.symlink("edit", "link"))
	},
	entries: 8,
}

// The daemon of b ends before and after each of the steps that a session asks for; started again it
// comes to the same end, and journals nothing that nobody did.
func TestCrashAtEachStep(t *testing.T) {
	if n := crashAtEachStep(t, busyStory, func(*station) {}); n < 12 {
		t.Fatalf("only %d points to crash at", n)
	}
}

// The machine of b loses its power there: of what was done on disk only what was made durable is there, and of the
// journal, as bad luck will have it, all.
func TestPowerCutAtEachStep(t *testing.T) {
	crashAtEachStep(t, busyStory, func(b *station) { b.powerCut() })
}

// crashAtEachStep says how many points there were to crash at.
func crashAtEachStep(t *testing.T, s story, also func(b *station)) int64 {
	for n := int64(0); ; n++ {
		a, b := s.begin(t)
		s.act(a)
		passed := b.faultAfter(n, errCrash)
		if b.takeStates(b.ctx(), a) == nil {
			_ = b.takeContents(b.ctx(), a)
		}
		b.end()
		b.noFault()
		also(b)
		b.begin().settled()
		before, err := a.folder.Begin(a.ctx())
		a.must(err)
		converge(t, a, b)
		after, err := a.folder.Begin(a.ctx())
		a.must(err)
		if !before.Equal(after) {
			t.Errorf("crash at %d: b has journaled something", n)
			a.must(a.folder.Offer(a.ctx(), before, func(version.Vector) error { return nil }, func(it *item.Item) error {
				t.Logf("%+v", it)
				return nil
			}))
		}
		if len(a.fake.tree()) != s.entries {
			t.Fatalf("crash at %d: %v", n, a.fake.tree())
		}
		a.end()
		b.end()
		if passed.Load() <= n {
			return n
		}
	}
}

// What the disk refuses stays known, is told, and is tried again.
func TestRefusal(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "1"))
	b.faultAfter(0, &os.PathError{Op: "rename", Path: "f", Err: syscall.ENOSPC})
	b.pull(a)
	st := b.folder.Status()
	if len(st.Refused) != 1 || st.Refused[0].Path != "f" || !errors.Is(st.Refused[0].Err, syscall.ENOSPC) || st.Steps != 1 {
		t.Fatalf("%+v", st)
	}
	a.pull(b)
	a.want("f", "1")
	b.noFault()
	for deadline := time.Now().Add(patience); b.folder.Status().Steps > 0; {
		if time.Now().After(deadline) {
			t.Fatal("not tried again")
		}
		b.must(b.folder.Settle(b.ctx()))
	}
	converge(t, a, b)
	if r := b.folder.Status().Refused; len(r) != 0 {
		t.Errorf("still refused: %v", r)
	}
}

// What can't be made durable is not journaled, is told, and is tried again.
func TestNotDurable(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "1"))
	b.lose(syscall.EIO)
	a.must(b.takeStates(b.ctx(), a))
	a.must(b.takeContents(b.ctx(), a))
	for deadline := time.Now().Add(patience); len(b.folder.Status().Refused) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("nothing is told")
		}
		b.folder.nudge(b.ctx())
	}
	if r := b.folder.Status().Refused; !errors.Is(r[0].Err, syscall.EIO) {
		t.Errorf("%v", r)
	}
	b.lose(nil)
	converge(t, a, b)
	if r := b.folder.Status().Refused; len(r) != 0 {
		t.Errorf("still refused: %v", r)
	}
	b.want("f", "1")
}

// What a session sends is on disk here: programs' changes are made durable before it begins, if there are any.
func TestWhatIsSentIsDurable(t *testing.T) {
	a, b := pair(t)
	began := func() int {
		before := a.madeDurable()
		_, err := a.folder.Begin(a.ctx())
		a.must(err)
		return a.madeDurable() - before
	}
	began()
	for i, c := range []struct {
		do          func() error
		least, most int // what is journaled already goes to disk while the rest is taken in
	}{
		{func() error { return a.write("f", "1") }, 1, 2},
		{func() error { return nil }, 0, 0},
		{func() error { return a.rename("f", "g") }, 1, 2},
	} {
		a.must(c.do())
		if n := began(); n < c.least || n > c.most {
			t.Errorf("change %d: made durable %d times, want %d to %d", i, n, c.least, c.most)
		}
	}
	converge(t, a, b)

	began() // a session has begun, and a program goes on
	before := a.madeDurable()
	a.must(a.write("h", "2"))
	a.settled()
	errEnough := errors.New("nothing is taken")
	err := a.folder.Offer(a.ctx(), nil, func(version.Vector) error {
		if a.madeDurable() == before || a.folder.unsafe.Load() {
			t.Error("what is offered is not on disk")
		}
		return errEnough
	}, nil)
	if !errors.Is(err, errEnough) {
		t.Error(err)
	}
}

// A program that writes the file is left alone, and what it wrote is a conflict.
func TestBusy(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "1"))
	converge(t, a, b)
	b.busy.Store("f", true)
	a.must(a.write("f", "of a"))
	b.pull(a)
	b.want("f", "1")
	b.must(b.write("f", "of b"))
	b.busy.Delete("f")
	converge(t, a, b)
	if l := a.files(); len(l) != 2 {
		t.Fatalf("%v", l)
	}
}

// A file that is not here is seen, renamed, and fetched when it is wanted.
func TestAbsent(t *testing.T) {
	a, b := pair(t)
	a.must(a.mkdir("d"))
	a.must(a.write("d/f", "content"))
	b.states(a)
	b.must(b.folder.Settle(b.ctx()))
	st, ok := b.folder.AbsentFile("d/f")
	if !ok || st.Signature.Size != 7 || st.Mode != 0o644 || len(b.folder.AbsentIn("d")) != 1 {
		t.Fatalf("%+v, %v; %v", st, ok, b.folder.AbsentIn("d"))
	}
	one, two := "one", "two"
	set := func(l map[string]*string) { b.folder.SetAbsent("d/f", step.Attr{XAttrs: l}) }
	set(map[string]*string{"user.a": &one, "user.b": &one})
	b.must(b.folder.Settle(b.ctx()))
	set(map[string]*string{"user.a": nil, "user.b": &two})
	if l := b.folder.AbsentXAttrs("d/f"); len(l) != 1 || l["user.b"] != two {
		t.Errorf("attributes: %v", l)
	}
	b.must(b.rename("d", "e"))
	if l := b.folder.AbsentXAttrs("e/f"); len(l) != 1 || l["user.b"] != two {
		t.Errorf("attributes by the new name: %v", l)
	}
	if _, ok := b.folder.AbsentFile("d/f"); ok {
		t.Error("still under the old name")
	}
	if _, ok := b.folder.AbsentFile("e/f"); !ok || len(b.folder.AbsentIn("e")) != 1 {
		t.Error("not under the new name")
	}
	go b.fetch(a)
	b.must(b.folder.Fetch(b.ctx(), "e/f"))
	b.want("e/f", "content")
	if _, ok := b.folder.AbsentFile("e/f"); ok {
		t.Error("still absent")
	}
	converge(t, a, b)
	a.want("e/f", "content")
	if l, err := a.XAttrs("e/f"); err != nil || len(l) != 1 || l["user.b"] != two {
		t.Errorf("attributes there: %v, %v", l, err)
	}
}

// Most of the files gone while nobody looked is asked about before it is believed.
func TestBrake(t *testing.T) {
	a, b := pair(t)
	const n = 150
	a.must(a.mkdir("d"))
	for i := range n {
		a.must(a.write(fmt.Sprint("d/", i), fmt.Sprint(i)))
	}
	converge(t, a, b)
	b.end()
	b.must(os.RemoveAll(b.path("d")))
	b.begin().settled()
	if !strings.Contains(b.folder.Held(), "150 of 150") {
		t.Fatalf("held: %q", b.folder.Held())
	}
	a.pull(b)
	if len(a.files()) != n {
		t.Fatal("removed all the same")
	}
	b.folder.Accept()
	b.settled()
	a.pull(b) // and this is as much again
	if !strings.Contains(a.folder.Held(), "peer") || len(a.files()) != n {
		t.Fatalf("held: %q, %d files", a.folder.Held(), len(a.files()))
	}
	a.folder.Accept()
	converge(t, a, b)
	if len(a.files()) != 0 {
		t.Errorf("%d files", len(a.files()))
	}
}

func TestTrashExpires(t *testing.T) {
	a := newStation(t, "a")
	put := func(age time.Duration, size int) string {
		name := time.Now().Add(-age).UTC().Format("20060102T150405.000000000Z") + "-1"
		dir := filepath.Join(a.root, ".syncfs/trash", name)
		a.must(os.MkdirAll(dir, 0o700))
		a.must(os.WriteFile(filepath.Join(dir, "f"), make([]byte, size), 0o600))
		return dir
	}
	old, big, fresh := put(40*24*time.Hour, 1), put(48*time.Hour, 1000), put(time.Hour, 500)
	a.begin().settled()
	a.end()
	a.folder.options.TrashSize = 1200
	state, err := os.OpenRoot(filepath.Join(a.root, ".syncfs"))
	a.must(err)
	defer state.Close()
	a.folder.options.State = state
	a.must(a.folder.expireTrash(a.ctx()))
	for dir, stays := range map[string]bool{old: false, big: false, fresh: true} {
		if _, err := os.Stat(dir); (err == nil) != stays {
			t.Errorf("%s: stays %v: %v", dir, stays, err)
		}
	}
}

// crashAfter ends the daemon just after the first step of a kind that fn leads to.
func (s *station) crashAfter(op string, fn func() error) {
	s.t.Helper()
	var made atomic.Bool
	s.names.Lock()
	s.fault = func(step, _ string, after bool) error {
		if step == op && after {
			made.Store(true)
			return errCrash
		}
		return nil
	}
	s.names.Unlock()
	_ = fn()
	s.end()
	s.noFault()
	if !made.Load() {
		s.t.Fatalf("no %s was made", op)
	}
}

// showsStates takes what another has, without contents, and makes the steps that are possible so.
func (s *station) showsStates(of *station) error {
	if err := s.takeStates(s.ctx(), of); err != nil {
		return err
	}
	return s.folder.Settle(s.ctx())
}

// beginUnlisted begins; the scan finds nothing before listed is called.
func (s *station) beginUnlisted() (listed func()) {
	may, ctx := make(chan struct{}), s.ctx()
	s.listing = func(string) {
		select {
		case <-may:
		case <-ctx.Done():
		}
	}
	s.begin()
	return func() { close(may) }
}
