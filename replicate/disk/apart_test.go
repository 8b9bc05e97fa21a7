package disk

import (
	"testing"

	"syncfs/journal"
)

// A directory that is to be one with another is moved into that one, or that one into it: then they are two.
func TestADirectoryIsMovedIntoOneThatItIsMergedWith(t *testing.T) {
	for name, move := range map[string]struct {
		do   func(b *station) error
		want string
	}{
		"the new into the old":       {func(b *station) error { return b.fake.rename("new", "old/in") }, "new/in"},
		"the old into the new":       {func(b *station) error { return b.fake.rename("old", "new/in") }, "new/in"},
		"exchanged with one in it":   {func(b *station) error { return b.fake.exchange("new", "old/sub") }, "new/sub"},
		"exchanged with one in that": {func(b *station) error { return b.fake.exchange("old", "new/own") }, "new/own"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t)
			a.must(a.mkdir("d"))
			a.must(a.mkdir("d/sub"))
			a.must(a.write("d/f", "f"))
			converge(t, a, b)
			b.must(b.fake.rename("d", "old"))
			b.must(b.mkdir("new"))
			b.must(b.mkdir("new/own"))
			b.settled()
			b.busy.Store("old/f", true)
			b.busy.Store("old/sub", true)
			a.must(a.fake.rename("d", "new")) // the later
			b.states(a)
			b.settled()
			if all := b.fake.tree(); all["old/f"] == "" || all["new"] == "" {
				t.Fatalf("they are not two: %v", all)
			}
			b.must(move.do(b))
			b.settled()
			b.busy.Clear()
			b.must(b.folder.Retry(b.ctx()))
			converge(t, a, b)
			if all := b.fake.tree(); all[move.want] == "" {
				t.Errorf("%v", all)
			}
		})
	}
}

// Of two that are one directory one may have been another on disk as well, which is gone: they are found all the same.
func TestADirectoryIsAllThatItIs(t *testing.T) {
	a, b := pair(t)
	a.must(a.mkdir("d"))
	b.must(b.mkdir("d"))
	converge(t, a, b)
	b.must(b.folder.do(b.ctx(), func() error {
		return b.folder.update(func(e *batch) error {
			d, err := e.Tx.Applied(0, "d")
			if err != nil || len(d.IDs) != 2 {
				t.Fatalf("%v, %v", d, err)
			}
			slot, err := e.Tx.NewSlot()
			if err != nil {
				return err
			}
			other := &journal.Applied{Name: "other", Dir: true, Slot: slot, IDs: d.IDs[:1]}
			if err := e.put(other); err != nil {
				return err
			}
			return e.drop(other)
		})
	}))
	a.must(a.write("d/f", "1"))
	b.pull(a)
	b.want("d/f", "1")
	converge(t, a, b)
}
