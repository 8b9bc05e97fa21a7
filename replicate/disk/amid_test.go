package disk

import (
	"sync"
	"testing"
)

// amid has a program of s do something just before a step is made, once.
func (s *station) amid(op, path string, do func()) {
	var once sync.Once
	s.must(s.folder.do(s.ctx(), func() error {
		s.around = func(o, p string, after bool) {
			if o == op && p == path && !after {
				once.Do(do)
			}
		}
		return nil
	}))
}

// What a program has put in the place of a directory, amid the steps for its family, stays there: the directory is not
// made anew.
func TestWhatProgramsDoAmidAFamilyIsLookedAt(t *testing.T) {
	a, b := pair(t)
	b.must(b.mkdir("d"))
	b.must(b.mkdir("x"))
	b.settled()
	a.must(a.symlink("of a", "d"))
	b.states(a)
	b.settled()
	var marked string
	for p := range b.fake.tree() {
		if family(p) == "d" && p != "d" {
			marked = p
		}
	}
	a.must(a.symlink("of a", "e"))
	a.must(a.fake.rename("e", "d"))
	b.must(b.unlink(marked))
	b.settled()
	b.amid("place", marked, func() { b.must(b.fake.rename("x", "d")) })
	made := b.around
	b.must(b.folder.do(b.ctx(), func() error {
		b.around = func(op, path string, after bool) {
			made(op, path, after)
			if op == "move" || op == "place" && path == "d" {
				t.Errorf("step: %s %s", op, path)
			}
		}
		return nil
	}))
	b.pull(a)
	converge(t, a, b)
}

// A step that was made in another directory than meant, since programs have exchanged them, leaves nothing there.
func TestAStepAstrayIsUndone(t *testing.T) {
	a, b := pair(t)
	a.must(a.mkdir("p"))
	a.must(a.mkdir("q"))
	converge(t, a, b)
	a.must(a.mkdir("p/d"))
	b.amid("place", "p/d", func() {
		b.must(b.mkdir("p/d"))
		b.must(b.fake.exchange("p", "q"))
		b.must(b.write("q/d/f", "of b"))
	})
	converge(t, a, b)
	if all := a.fake.tree(); len(all) != 4 || all["q/d/f"] == "" {
		t.Errorf("%v", all)
	}
}
