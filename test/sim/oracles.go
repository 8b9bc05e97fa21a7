package sim

import (
	"maps"
	"slices"
	"strings"

	"syncfs/journal/item"
	"syncfs/journal/name"
	"syncfs/journal/version"
	"syncfs/replicate/tree"
	"syncfs/replicate/view"
)

// tidy: the tree that r keeps up to date is the one that the view shows of its items, and has every
// live item once.
func (w *World) tidy(r *Replica) {
	m := w.look(r)
	items := m.items()
	whole := view.Whole(items)
	shows := map[item.ID]bool{}
	for _, e := range m.all {
		for _, id := range e.IDs {
			w.check(!shows[id], "an item twice: %s at %s", id, e.path)
			shows[id] = true
		}
		w.inFamily(e, items)
		w.same(r, e, whole.By[e.IDs[0]])
	}
	for id := range whole.By {
		w.check(shows[id], "index: %s does not show %s, which is at %s", r.name, id, whole.By[id].Path())
	}
	for id, it := range items {
		w.check(!it.Live() || shows[id], "a live item is not shown at %s: %v", r.name, it)
	}
	w.indexed(r, items, whole)
	w.marked(r)
}

// inFamily: a conflict name is one of the family of the name that was lost, so no mark is put on another.
func (w *World) inFamily(e entry, items map[item.ID]*item.Item) {
	loser := e.IDs[0]
	switch {
	case e.IsCopy():
		loser = e.CopyOf
	case !e.Repaired:
		return
	}
	lost := items[loser].Place.Name
	w.check(name.Family(e.Name) == name.Family(lost), "a cascade of conflict names: %s of %s", e.path, lost)
}

// same holds a node kept up to date against the one that the view computes.
func (w *World) same(r *Replica, e entry, b *view.Branch) {
	w.check(b != nil, "index: %s shows %s at %q; the view does not", r.name, e.IDs[0], e.path)
	ok := e.path == strings.TrimSuffix("/"+b.Path(), "/") && slices.Equal(e.IDs, b.IDs) && e.Dir == b.Dir && e.Repaired == b.Repaired &&
		e.CopyOf == b.CopyOf && slices.Equal(e.CopyDots, b.CopyDots)
	w.check(ok, "index: %s shows %q %v; the view shows %q %v", r.name, e.path, e.Node.Node, b.Path(), b.Node)
}

// sound: who knows of a dot of an item has a state of the item that has seen it.
func (w *World) sound() {
	knowledge := map[*Replica]version.Vector{}
	for _, r := range w.replicas {
		w.must(r.tree.View(func(v tree.View) (err error) {
			knowledge[r], err = v.Tx.Knowledge()
			return err
		}))
	}
	for _, o := range w.replicas {
		for id, it := range w.look(o).known {
			for in, seq := range it.Context {
				d := version.Dot{Incarnation: in, Seq: seq}
				if in == version.Provisional || w.copies[id].dot == d {
					continue // the first dot of a copy came with the item that it is a copy of
				}
				for _, r := range w.replicas {
					if knowledge[r].Has(d) {
						has := w.look(r).known[id]
						w.check(has != nil && has.Context.Has(d), "soundness: %s knows %v, but not of %s", r.name, d, id)
					}
				}
			}
		}
	}
}

// meet lets all replicas meet until nothing changes.
func (w *World) meet() {
	state := func() (l []Tree) {
		for _, r := range w.replicas {
			l = append(l, w.look(r).tree)
		}
		return l
	}
	before := []Tree(nil)
	for now := state(); !slices.EqualFunc(before, now, maps.Equal[Tree, Tree]); w.rounds++ {
		w.check(w.rounds < 12, "no quiescence")
		for i, r := range w.replicas {
			for _, o := range w.replicas[:i] {
				w.session(r, o)
				w.tidy(o)
			}
			w.tidy(r)
		}
		for _, r := range w.replicas {
			w.fetch(r, 0)
			w.tidy(r)
		}
		before, now = now, state()
	}
}

// finish lets all replicas meet, and looks at what they end with.
func (w *World) finish() {
	for _, r := range w.replicas {
		w.writeHeld(r)
	}
	w.meet()
	w.sound()
	w.agree()
	t := w.look(w.replicas[0]).tree
	w.noLoss(t)
	w.noResurrection(t)
	w.noOverride()
}

// agree: all replicas show one tree, and know the same.
func (w *World) agree() {
	first := w.look(w.replicas[0])
	for _, r := range w.replicas[1:] {
		m := w.look(r)
		w.check(maps.Equal(first.tree, m.tree), "diverged: %s\n%v  %s\n%v", w.replicas[0].name, first.tree, r.name, m.tree)
		w.check(len(m.known) == len(first.known), "states differ: %d and %d", len(first.known), len(m.known))
		for id, it := range m.known {
			w.check(first.known[id] != nil && first.known[id].Equal(it), "states differ: %v\n%v", first.known[id], it)
		}
		w.check(len(m.older) == 0, "older states are still shown: %v", m.older)
	}
	for _, r := range w.replicas {
		w.must(r.tree.View(func(v tree.View) error {
			return v.Tx.EachWanted(func(root item.Hash, id item.ID) error {
				w.fail("content %s of %s is still wanted at %s", w.contents[item.Key{Kind: item.Bytes, Root: root}], id, r.name)
				return nil
			})
		}))
	}
}

// noLoss: a content is in the tree unless a user overwrote or removed it where it was shown, and there
// once: each losing content is one conflict copy. (A replica that was restored gives what it had not
// sent yet once more.)
func (w *World) noLoss(t Tree) {
	is := t.contents()
	for c := range w.written {
		w.check(w.covered[c] || is[c] > 0 || w.shared(c), "lost content %s\n%v", c, t)
	}
	for c, n := range is {
		w.check(n == 1 || w.restored || w.shared(c), "doubled content %s, there %d times\n%v", c, n, t)
	}
}

// noResurrection: what a user removed comes back only where an operation on the same item had not seen
// the removal, nor was seen by it.
func (w *World) noResurrection(t Tree) {
	if w.restored {
		return
	}
	is := t.contents()
	for _, d := range w.deletions {
		if is[d.content] == 0 || w.shared(d.content) || !w.replicas[0].seen[d.op] {
			continue
		}
		concurrent := false
		for n, o := range w.ops {
			if w.ops[d.op].seen[n] || o.seen[d.op] && !o.behind {
				continue
			}
			for id := range o.items {
				concurrent = concurrent || d.items[id]
			}
		}
		w.check(concurrent, "resurrected %s, removed by operation %d on %v\n%v", d.content, d.op, slices.Collect(maps.Keys(d.items)), t)
	}
}

// noOverride: an item is where a user put it, or where that was repaired to. What a crash or a restore
// lost was a user's too.
func (w *World) noOverride() {
	if w.restored || w.crashed {
		return
	}
	known := w.look(w.replicas[0]).known
	for id, by := range w.moves {
		it := known[id]
		if it == nil || it.Place.Timestamp.Time == 0 {
			continue
		}
		t := it.Place.Timestamp
		t.Rank = 0
		w.check(by[t], "override: a repair moved %v; users moved it at %v", it, by)
	}
}
