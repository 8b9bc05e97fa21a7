package disk

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// swaps are changes of names that wait for one another.
var swaps = []struct {
	name string
	act  func(*station) error
}{
	{"files", func(s *station) error { return s.exchange("f", "g") }},
	{"directories", func(s *station) error { return s.exchange("d", "e") }},
	{"a file and a directory", func(s *station) error { return s.exchange("f", "d") }},
	{"in another directory", func(s *station) error { return s.exchange("f", "d/1") }},
	{"by renames", func(s *station) error {
		return errors.Join(s.rename("d", "tmp"), s.rename("e", "d"), s.rename("tmp", "e"))
	}},
	{"three files", func(s *station) error { return s.rotate("f", "g", "h") }},
	{"three directories", func(s *station) error { return s.rotate("d", "e", "empty") }},
	{"four of all kinds", func(s *station) error { return s.rotate("f", "d", "e/2", "g") }},
	{"directories and what is in them", func(s *station) error {
		return errors.Join(s.exchange("d/1", "d/one"), s.exchange("d", "e"))
	}},
	{"a chain of directories", func(s *station) error {
		return errors.Join(s.rename("d", "z"), s.rename("e", "d"), s.rename("empty", "e"), s.exchange("f", "g"))
	}},
	{"a chain of files", func(s *station) error {
		return errors.Join(s.rename("f", "z"), s.rename("g", "f"), s.rename("h", "g"), s.exchange("d", "e"))
	}},
}

// rotate gives each the name of the next.
func (s *station) rotate(l ...string) error {
	for _, to := range l[1:] {
		if err := s.exchange(l[0], to); err != nil {
			return err
		}
	}
	return nil
}

func beforeSwap(t *testing.T) (a, b *station) {
	t.Helper()
	a, b = pair(t)
	for _, d := range []string{"d", "e", "empty"} {
		a.must(a.mkdir(d))
	}
	for _, f := range []string{"f", "g", "h", "d/1", "d/one", "e/2"} {
		a.must(a.write(f, "of "+f))
	}
	converge(t, a, b)
	return a, b
}

// passesLimbo notes the steps of s that go through a name of limbo.
func (s *station) passesLimbo() *[]string {
	var l []string
	s.names.Lock()
	defer s.names.Unlock()
	s.fault = func(op, path string, after bool) error {
		if strings.Contains(path, limbo) && after {
			l = append(l, op+" "+path)
		}
		return nil
	}
	return &l
}

// What changes names at a peer changes them here with one another: no other name is seen, not even for a moment.
func TestSwapPassesNoOtherName(t *testing.T) {
	for _, c := range swaps {
		t.Run(c.name, func(t *testing.T) {
			a, b := beforeSwap(t)
			a.must(c.act(a))
			seen := b.passesLimbo()
			converge(t, a, b)
			b.noFault()
			if len(*seen) > 0 {
				t.Errorf("%q", *seen)
			}
			if len(b.fake.tree()) != 9 {
				t.Errorf("%v", b.fake.tree())
			}
		})
	}
}

// So do those that were edited as well, and those whose content is not here.
func TestSwapOfEditedPassesNoOtherName(t *testing.T) {
	a, b := beforeSwap(t)
	a.must(a.write("h", "new"))
	a.must(a.write("absent", "absent"))
	b.states(a)
	b.must(b.folder.Settle(b.ctx()))
	a.must(a.exchange("f", "g"))
	a.must(a.write("f", "f"))
	a.must(a.write("g", "g"))
	a.must(a.exchange("absent", "d/1"))
	seen := b.passesLimbo()
	b.states(a)
	b.must(b.folder.Settle(b.ctx()))
	if _, ok := b.folder.AbsentFile("d/1"); !ok {
		t.Error("the file that is not here is not under its name")
	}
	b.want("absent", "of d/1")
	converge(t, a, b)
	b.noFault()
	if len(*seen) > 0 {
		t.Errorf("%q", *seen)
	}
	b.want("f", "f")
	b.want("d/1", "absent")
}

// Where nothing can be exchanged names are changed all the same, and where one is in the other.
func TestSwapThroughLimbo(t *testing.T) {
	for _, c := range append(slices.Clone(swaps), struct {
		name string
		act  func(*station) error
	}{"one in the other", func(s *station) error {
		return errors.Join(s.rename("d/1", "tmp"), s.rename("d", "e/d"), s.rename("tmp", "d"), s.rename("e", "tmp"), s.rename("tmp/d", "e"),
			s.rename("tmp", "e/tmp"))
	}}) {
		t.Run(c.name, func(t *testing.T) {
			a, b := beforeSwap(t)
			b.plain = true
			a.must(c.act(a))
			converge(t, a, b)
		})
	}
	a, b := beforeSwap(t)
	a.must(errors.Join(a.rename("d/1", "tmp"), a.rename("d", "e/d"), a.rename("e", "tmp2"), a.rename("tmp2/d", "d"), a.rename("tmp2", "d/e"),
		a.rename("tmp", "e")))
	converge(t, a, b)
}

// The daemon of b ends before and after each step of a swap.
func TestCrashAtEachStepOfASwap(t *testing.T) {
	for _, c := range swaps {
		t.Run(c.name, func(t *testing.T) {
			crashAtEachStep(t, story{beforeSwap, func(a *station) { a.must(c.act(a)) }, 9}, func(*station) {})
		})
	}
}

// What a transaction that failed has exchanged is found exchanged when it is done again.
func TestSwapOfAFailedTransaction(t *testing.T) {
	for _, c := range swaps {
		t.Run(c.name, func(t *testing.T) {
			a, b := beforeSwap(t)
			a.must(c.act(a))
			b.lose(errors.New("not durable"))
			a.must(b.takeStates(b.ctx(), a))
			for deadline := time.Now().Add(patience); len(b.folder.Status().Refused) == 0; {
				if time.Now().After(deadline) {
					t.Fatal("nothing is refused")
				}
				b.folder.nudge(b.ctx())
			}
			b.lose(nil)
			before, err := a.folder.Begin(a.ctx())
			a.must(err)
			converge(t, a, b)
			after, err := a.folder.Begin(a.ctx())
			a.must(err)
			if !before.Equal(after) {
				t.Error("b has journaled something")
			}
		})
	}
}
