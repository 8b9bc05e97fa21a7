package sim

import (
	"iter"
	"maps"
	"slices"

	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate/tree"
)

// An offer is what one replica sends to another in a session.
type offer struct {
	from      string
	knowledge version.Vector
	states    []*item.Item
	seen      map[int]bool
}

// A late offer reaches the one that it was made for after other things have happened, or more than
// once, or never.
type late struct {
	*offer
	to string
}

func (o *offer) all() iter.Seq2[*item.Item, error] {
	return func(yield func(*item.Item, error) bool) {
		for _, it := range o.states {
			if !yield(it, nil) {
				return
			}
		}
	}
}

// offer has `to` tell its knowledge, and `from` send what that lacks.
func (w *World) offer(from, to *Replica) *offer {
	have, err := to.tree.Stamp()
	w.must(err)
	to.now = nil
	w.fsync(to)
	o := &offer{from: from.name, seen: maps.Clone(from.seen)}
	w.must(from.tree.Offer(have,
		func(v version.Vector) error { o.knowledge = v.Clone(); return nil },
		func(it *item.Item) error { o.states = append(o.states, it); return nil }))
	from.now = nil
	w.fsync(from)
	return o
}

// accept joins an offer.
func (w *World) accept(to *Replica, o *offer) {
	w.logf("%s <- %s (%d states)", to.name, o.from, len(o.states))
	w.must(to.tree.Join(o.all(), o.knowledge))
	to.now = nil
	maps.Copy(to.seen, o.seen)
	w.fsync(to)
}

// session brings to what from has.
func (w *World) session(to, from *Replica) {
	if to != from {
		w.accept(to, w.offer(from, to))
	}
}

// fetch brings the content of one in so many items on their way; of all, if every is 0.
func (w *World) fetch(r *Replica, every int) {
	m := w.look(r)
	ids := slices.SortedFunc(maps.Keys(m.older), item.ID.Compare)
	w.must(r.tree.Update(func(e *tree.Edit) error {
		for i, id := range ids {
			if every == 0 || i%every == 0 {
				if err := e.Release(id); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	r.now = nil
}
