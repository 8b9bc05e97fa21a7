package journal

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"syncfs/journal/item"
	"syncfs/journal/name"
	"syncfs/journal/version"
)

// inMemory is a journal that ends with the test.
func inMemory(t rapid.TB) *Journal {
	j, err := Open(Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func must(t rapid.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mirror is what the journal must hold, computed the slow way.
type mirror struct{ known, older map[item.ID]*item.Item }

func (m mirror) clone() mirror {
	n := mirror{map[item.ID]*item.Item{}, map[item.ID]*item.Item{}}
	for id, it := range m.known {
		n.known[id] = it
	}
	for id, it := range m.older {
		n.older[id] = it
	}
	return n
}

func (m mirror) shown(id item.ID) *item.Item {
	if it := m.older[id]; it != nil {
		return it
	}
	return m.known[id]
}

func (m mirror) ids() []item.ID {
	var ids []item.ID
	for i := range byte(12) {
		ids = append(ids, item.ID{15: i})
	}
	return ids
}

var (
	someNames        = []string{"a", "a (conflict 2026-11-22 10.15.30 home)", "ab", "b.txt", "b (conflict first home).txt", "\xff"}
	someIncarnations = []version.Incarnation{version.Provisional, 1, 2, 3, math.MaxUint64}
)

func drawVector(t *rapid.T, label string) version.Vector {
	return rapid.MapOfN(rapid.SampledFrom(someIncarnations), rapid.Uint64Range(1, 4), 0, 4).Draw(t, label)
}

func drawItem(t *rapid.T, ids []item.ID) *item.Item {
	it := item.New(rapid.SampledFrom(ids[4:]).Draw(t, "id"), true)
	it.Context = version.Vector(drawVector(t, "context"))
	it.Place.Parent = rapid.SampledFrom(ids[:4]).Draw(t, "parent")
	it.Place.Name = rapid.SampledFrom(someNames).Draw(t, "name")
	return it
}

// step makes one random change to both.
func (m mirror) step(t *rapid.T, tx *Tx) {
	it := drawItem(t, m.ids())
	switch rapid.IntRange(0, 9).Draw(t, "step") {
	case 0:
		delete(m.known, it.ID)
		delete(m.older, it.ID)
		must(t, tx.DeleteOlder(it.ID))
		must(t, tx.DeleteKnown(it.ID))
	case 1, 2:
		delete(m.older, it.ID)
		must(t, tx.DeleteOlder(it.ID))
	case 3, 4, 5:
		if m.known[it.ID] != nil {
			m.older[it.ID] = it
			must(t, tx.PutOlder(it))
		}
	default:
		m.known[it.ID] = it
		must(t, tx.PutKnown(it))
	}
}

// check holds every way of finding an item against the mirror.
func (m mirror) check(t *rapid.T, tx *Tx) {
	for _, id := range m.ids() {
		for what, get := range map[string]func(item.ID) (*item.Item, error){"known": tx.Known, "older": tx.Older, "shown": tx.Shown} {
			want := map[string]*item.Item{"known": m.known[id], "older": m.older[id], "shown": m.shown(id)}[what]
			got, err := get(id)
			must(t, err)
			if (got == nil) != (want == nil) || got != nil && !got.Equal(want) {
				t.Fatalf("%s %s: %v, want %v", what, id, got, want)
			}
		}
	}
	var children, families []item.ID
	for _, parent := range m.ids() {
		must(t, tx.Children(parent, func(it *item.Item) error {
			children = append(children, it.ID)
			if it.Place.Parent != parent || !it.Equal(m.shown(it.ID)) {
				t.Fatalf("children of %s: %v", parent, it)
			}
			return nil
		}))
		seen := map[string]bool{}
		for _, n := range someNames {
			f := name.Family(n)
			if seen[f] {
				continue
			}
			seen[f] = true
			items, err := tx.Family(parent, f)
			must(t, err)
			for _, it := range items {
				families = append(families, it.ID)
				if it.Place.Parent != parent || name.Family(it.Place.Name) != f {
					t.Fatalf("family %q of %s: %v", f, parent, it)
				}
			}
		}
		got, err := tx.HasChild(parent)
		must(t, err)
		if want := m.hasChild(parent); got != want {
			t.Fatalf("has %s a child: %v, want %v", parent, got, want)
		}
	}
	all := m.where(func(item.ID) bool { return true })
	m.same(t, "children", children, all)
	m.same(t, "families", families, all)
	m.same(t, "unstamped", collect(t, tx.EachUnstamped), m.where(func(id item.ID) bool {
		return unstamped(m.known[id]) || unstamped(m.older[id])
	}))
	have := drawVector(t, "have")
	m.same(t, fmt.Sprint("unseen by ", have), collect(t, func(fn func(item.ID) error) error {
		return tx.Unseen(have, func(it *item.Item) error { return fn(it.ID) })
	}), m.where(func(id item.ID) bool { return m.known[id] != nil && !have.Covers(m.known[id].Context) }))
}

func (m mirror) hasChild(parent item.ID) bool {
	return len(m.where(func(id item.ID) bool {
		k, o := m.known[id], m.older[id]
		return k != nil && k.Place.Parent == parent || o != nil && o.Place.Parent == parent
	})) > 0
}

// where are the items there are that satisfy a condition.
func (m mirror) where(ok func(item.ID) bool) []item.ID {
	var ids []item.ID
	for _, id := range m.ids() {
		if m.shown(id) != nil && ok(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

func collect(t *rapid.T, each func(func(item.ID) error) error) []item.ID {
	var ids []item.ID
	must(t, each(func(id item.ID) error {
		ids = append(ids, id)
		return nil
	}))
	return ids
}

func (m mirror) same(t *rapid.T, what string, got, want []item.ID) {
	got, want = slices.Clone(got), slices.Clone(want)
	slices.SortFunc(got, item.ID.Compare)
	slices.SortFunc(want, item.ID.Compare)
	if !slices.Equal(got, want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

var errUndo = errors.New("undo")

// Every index says the same as a look at every item does, within a transaction and after it, and a
// transaction that ends with an error leaves nothing.
func TestIndexesFollowStates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := inMemory(t)
		defer j.Close()
		m := mirror{}.clone()
		for range rapid.IntRange(1, 8).Draw(t, "transactions") {
			next := m.clone()
			undo := rapid.IntRange(0, 4).Draw(t, "undo") == 0
			err := j.Update(func(tx *Tx) error {
				for range rapid.IntRange(1, 6).Draw(t, "steps") {
					next.step(t, tx)
					next.check(t, tx)
				}
				if undo {
					return errUndo
				}
				return nil
			})
			if undo != errors.Is(err, errUndo) {
				t.Fatal(err)
			}
			if !undo {
				m = next
			}
			must(t, j.View(func(tx *Tx) error { m.check(t, tx); return nil }))
		}
	})
}

// Nothing is left behind when all is deleted.
func TestDeletedItemsLeaveNoKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := inMemory(t)
		defer j.Close()
		m := mirror{}.clone()
		must(t, j.Update(func(tx *Tx) error {
			for range rapid.IntRange(1, 20).Draw(t, "steps") {
				m.step(t, tx)
			}
			return nil
		}))
		must(t, j.Update(func(tx *Tx) error {
			for _, id := range m.ids() {
				must(t, tx.DeleteKnown(id))
				must(t, tx.DeleteOlder(id))
			}
			return nil
		}))
		must(t, j.View(func(tx *Tx) error {
			return tx.keys(nil, func(key []byte) error {
				if string(key) != string(singleKey("schema")) {
					t.Fatalf("key %x is left", key)
				}
				return nil
			})
		}))
	})
}
