package sim

import (
	"slices"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/name"
	"syncfs/replicate/tree"
	"syncfs/replicate/view"
)

// indexed: what r keeps beside the items, so as not to look at all of them, is what a look at all of them
// gives: cycles undone, directories that are one node, how many entries each shows, conflicts.
func (w *World) indexed(r *Replica, items map[item.ID]*item.Item, whole *view.Tree) {
	w.sameConflicts(r)
	undone := map[item.ID]item.ID{}
	for id, it := range items {
		if !it.Dir {
			continue
		}
		if last, parent, ok := view.Undone(id, func(id item.ID) *item.Item { return items[id] }); ok {
			undone[last] = parent
		}
	}
	counts := map[item.ID]int{}
	for id := range whole.By {
		if it := items[id]; it != nil {
			parent, ok := undone[id]
			if !ok {
				parent = it.Place.Parent
			}
			counts[parent]++
		}
	}
	w.must(r.tree.View(func(v tree.View) error {
		if err := w.sameUndone(r, v.Tx, undone); err != nil {
			return err
		}
		for id, it := range items {
			if !it.Dir {
				continue
			}
			if n, err := v.Tx.ShownCount(id); err != nil || n != counts[id] {
				w.check(err != nil, "index: %s counts %d entries in %s, which has %d", r.name, n, id, counts[id])
				return err
			}
			if err := w.sameMerged(r, v.Tx, id, whole.By[id]); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (w *World) sameUndone(r *Replica, tx *journal.Tx, want map[item.ID]item.ID) error {
	n := 0
	err := tx.EachUndone(func(id, parent item.ID) error {
		n++
		at, ok := want[id]
		w.check(ok && at == parent, "index: %s has %s undone to %s; the view to %s", r.name, id, parent, at)
		return nil
	})
	w.check(n == len(want), "index: %s has %d cycles undone, the view %d", r.name, n, len(want))
	return err
}

func (w *World) sameMerged(r *Replica, tx *journal.Tx, id item.ID, b *view.Branch) error {
	got, err := tx.Merged(id)
	var want []item.ID
	if b != nil && len(b.IDs) > 1 {
		want = slices.SortedFunc(slices.Values(b.IDs), item.ID.Compare)
	}
	w.check(slices.Equal(got, want), "index: %s has %s one with %v; the view with %v", r.name, id, got, want)
	return err
}

func (w *World) sameConflicts(r *Replica) {
	var want, got []string
	for _, e := range w.look(r).files() {
		if e.Repaired || e.IsCopy() || name.Marked(e.Name) {
			want = append(want, e.path)
		}
	}
	w.must(r.tree.View(func(v tree.View) error {
		all, err := v.Conflicts()
		for _, c := range all {
			got = append(got, "/"+c.Path)
		}
		return err
	}))
	slices.Sort(got)
	w.check(slices.Equal(got, want), "index: %s has conflicts %q; the view %q", r.name, got, want)
}
