package journal

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"syncfs/journal/item"
	"syncfs/journal/signature"
	"syncfs/journal/version"
)

type at struct {
	parent Slot
	name   string
}

// disk is what the journal must hold: the entries, and the last put of each pointer.
type disk struct {
	entries map[at]*Applied
	where   map[item.ID]at
	slots   map[Slot]at
}

func (d disk) put(a *Applied) {
	k := at{a.Parent, a.Name}
	d.delete(k)
	d.entries[k] = a
	for _, id := range a.IDs {
		d.where[id] = k
	}
	if a.Dir {
		d.slots[a.Slot] = k
	}
}

func (d disk) delete(k at) {
	delete(d.entries, k)
	maps.DeleteFunc(d.where, func(_ item.ID, w at) bool { return w == k })
	maps.DeleteFunc(d.slots, func(_ Slot, w at) bool { return w == k })
}

func drawApplied(t *rapid.T) *Applied {
	a := &Applied{
		Parent: Slot(rapid.IntRange(0, 3).Draw(t, "parent")),
		Name:   rapid.SampledFrom(someNames).Draw(t, "name"),
		Dir:    rapid.Bool().Draw(t, "dir"),
		Absent: rapid.Bool().Draw(t, "absent"),
		Racy:   rapid.Bool().Draw(t, "racy"),
		Mode:   uint32(rapid.IntRange(0, 0o7777).Draw(t, "mode")),
		MTime:  rapid.Int64().Draw(t, "mtime"),
		IDs:    []item.ID{},
		Signature: signature.Signature{
			Dev: 1, Ino: rapid.Uint64Range(0, 3).Draw(t, "inode"),
			Size: rapid.Int64Range(0, 9).Draw(t, "size"), MTime: 5, CTime: rapid.Int64().Draw(t, "ctime"),
		},
	}
	for _, n := range rapid.SliceOfNDistinct(rapid.Byte().Filter(func(b byte) bool { return b < 6 }), 0, 3, rapid.ID).Draw(t, "ids") {
		a.IDs = append(a.IDs, item.ID{n})
	}
	if a.Dir {
		a.Signature.Dir = a.Signature.Ino != 0
		a.Slot = Slot(rapid.IntRange(1, 4).Draw(t, "slot"))
		return a
	}
	c := &item.Content{Symlink: rapid.Bool().Draw(t, "symlink"), MTime: 7, Timestamp: version.Timestamp{Time: 8, Replica: "home"}}
	if c.Symlink {
		c.Target, c.Size = "there", 5
	} else {
		c.Root, c.Size = item.Hash{rapid.Byte().Draw(t, "root") % 3}, rapid.Int64Range(0, 1<<62).Draw(t, "content size")
	}
	a.Content = c
	if g := rapid.Byte().Draw(t, "group") % 3; g > 0 {
		a.Group = item.ID{g}
		a.Mode, a.MTime = a.Mode%2, a.MTime%2
	}
	if rapid.Bool().Draw(t, "copy") {
		a.CopyOf, a.CopyDots = item.ID{9}, []version.Dot{{Incarnation: 3, Seq: 4}}
	}
	return a
}

func (d disk) check(t *rapid.T, tx *Tx) {
	d.checkAlike(t, tx)
	for parent := range Slot(4) {
		var got []*Applied
		must(t, tx.EachApplied(parent, func(a *Applied) error { got = append(got, a); return nil }))
		d.same(t, fmt.Sprint("in ", parent), got, func(a *Applied) bool { return a.Parent == parent })
	}
	for n := range byte(6) {
		parent, name, ok, err := tx.Where(item.ID{n})
		must(t, err)
		if want, there := d.where[item.ID{n}]; ok != there || want != (at{parent, name}) {
			t.Fatalf("item %d is in %d/%q %v, want %v %v", n, parent, name, ok, want, there)
		}
		got := collectApplied(t, func(fn func(*Applied) error) error { return tx.ByRoot(item.Hash{n}, fn) })
		d.same(t, fmt.Sprint("root ", n), got, func(a *Applied) bool {
			return a.Content != nil && !a.Content.Symlink && !a.Absent && a.Content.Root == item.Hash{n}
		})
		got = collectApplied(t, func(fn func(*Applied) error) error { return tx.ByInode(1, uint64(n), fn) })
		d.same(t, fmt.Sprint("inode ", n), got, func(a *Applied) bool { return n != 0 && a.Signature.Ino == uint64(n) })
		got = nil
		must(t, tx.EachShared(func(l []*Applied) error {
			if l[0].Signature.Ino == uint64(n) {
				got = l
			}
			return nil
		}))
		d.same(t, fmt.Sprint("shared inode ", n), got, func(a *Applied) bool {
			return n != 0 && a.Signature.Ino == uint64(n) && d.names(uint64(n)) > 1
		})
		dir, err := tx.AppliedSlot(Slot(n))
		must(t, err)
		if want := d.entries[d.slots[Slot(n)]]; d.slots[Slot(n)] != (at{}) && !reflect.DeepEqual(dir, want) {
			t.Fatalf("slot %d: %+v, want %+v", n, dir, want)
		}
	}
}

func (d disk) names(ino uint64) (n int) {
	for _, a := range d.entries {
		if a.Signature.Ino == ino {
			n++
		}
	}
	return n
}

// checkAlike: one after the other all are found that are alike, and no others.
func (d disk) checkAlike(t *rapid.T, tx *Tx) {
	for _, a := range d.entries {
		want, ok := a.Alike()
		if !ok {
			continue
		}
		got := collectApplied(t, func(fn func(*Applied) error) error {
			next, err := tx.FirstAlike(want)
			for next != nil && err == nil {
				_ = fn(next)
				next, err = tx.NextAlike(want, next)
			}
			return err
		})
		same := collectApplied(t, func(fn func(*Applied) error) error { return tx.EachAlike(want, fn) })
		if !reflect.DeepEqual(got, same) {
			t.Fatalf("alike one by one: %v; all: %v", got, same)
		}
		d.same(t, "alike", got, func(b *Applied) bool {
			return !b.Dir && b.Group == a.Group && b.Content.Key() == a.Content.Key() && !b.Content.Symlink && b.Absent == a.Absent &&
				b.Mode == a.Mode && b.MTime == a.MTime && b.XAttrs == a.XAttrs
		})
	}
}

func collectApplied(t *rapid.T, each func(func(*Applied) error) error) (l []*Applied) {
	must(t, each(func(a *Applied) error { l = append(l, a); return nil }))
	return l
}

func (d disk) same(t *rapid.T, what string, got []*Applied, ok func(*Applied) bool) {
	n := 0
	for _, a := range d.entries {
		if ok(a) {
			n++
			if !slices.ContainsFunc(got, func(g *Applied) bool { return reflect.DeepEqual(g, a) }) {
				t.Fatalf("%s: %+v is not in %+v", what, a, got)
			}
		}
	}
	if n != len(got) {
		t.Fatalf("%s: %d, want %d", what, len(got), n)
	}
}

// Every way to find an entry says what a look at every entry does, whatever was put where.
func TestAppliedIndexes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := inMemory(t)
		defer j.Close()
		d := disk{map[at]*Applied{}, map[item.ID]at{}, map[Slot]at{}}
		for range rapid.IntRange(1, 4).Draw(t, "transactions") {
			must(t, j.Update(func(tx *Tx) error {
				for range rapid.IntRange(1, 8).Draw(t, "steps") {
					a := drawApplied(t)
					if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
						d.delete(at{a.Parent, a.Name})
						must(t, tx.DeleteApplied(a.Parent, a.Name))
					} else {
						d.put(a)
						must(t, tx.PutApplied(a))
					}
					d.check(t, tx)
				}
				return nil
			}))
			must(t, j.View(func(tx *Tx) error { d.check(t, tx); return nil }))
		}
	})
}

func TestSlotPathFollowsMoves(t *testing.T) {
	j := inMemory(t)
	defer j.Close()
	must(t, j.Update(func(tx *Tx) error {
		a, b := newSlot(t, tx), newSlot(t, tx)
		must(t, tx.PutApplied(&Applied{Name: "a", Dir: true, Slot: a}))
		must(t, tx.PutApplied(&Applied{Parent: a, Name: "b", Dir: true, Slot: b}))
		wantPath(t, tx, 0, "")
		wantPath(t, tx, b, "a/b")
		must(t, tx.PutApplied(&Applied{Name: "c", Dir: true, Slot: a}))
		must(t, tx.DeleteApplied(0, "a"))
		wantPath(t, tx, b, "c/b")
		must(t, tx.DeleteApplied(0, "c"))
		if p, err := tx.SlotPath(b); err == nil {
			t.Fatalf("path %q through a directory that is gone", p)
		}
		return nil
	}))
}

func newSlot(t *testing.T, tx *Tx) Slot {
	s, err := tx.NewSlot()
	must(t, err)
	return s
}

func wantPath(t *testing.T, tx *Tx, s Slot, want string) {
	t.Helper()
	if got, err := tx.SlotPath(s); got != want || err != nil {
		t.Fatalf("path of slot %d: %q, %v, want %q", s, got, err, want)
	}
}

func FuzzApplied(f *testing.F) {
	f.Add((&Applied{Dir: true, Slot: 3, IDs: []item.ID{{1}}}).append(nil))
	f.Add((&Applied{Content: &item.Content{Root: item.Hash{1}, Size: 3}, CopyOf: item.ID{2}, CopyDots: []version.Dot{{Incarnation: 1, Seq: 1}}}).append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := decodeApplied(appliedKey(1, "name"), b)
		if err != nil {
			return
		}
		again, err := decodeApplied(appliedKey(1, "name"), a.append(nil))
		if err != nil || !reflect.DeepEqual(a, again) {
			t.Fatalf("%+v came back as %+v, %v", a, again, err)
		}
	})
}
