package sim

import (
	"context"
	"iter"
	"maps"

	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate/tree"
)

// An offer is what one replica sends to another in a session that is not as sessions should be.
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
	have, err := to.tree.Stamp(context.Background())
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
	to.lag = w.look(to)
	w.must(to.tree.Join(o.all(), o.knowledge, func() {}))
	to.now = nil
	maps.Copy(to.seen, o.seen)
	w.fsync(to)
}

// half brings to what from has, and nothing back.
func (w *World) half(to, from *Replica) {
	if to != from {
		w.accept(to, w.offer(from, to))
	}
}

// fetch has one in so many of the contents that r wants arrive; all, if every is 0.
func (w *World) fetch(r *Replica, every int) {
	type want struct {
		root item.Hash
		id   item.ID
	}
	n := 0
	w.must(r.tree.Update(func(e *tree.Edit) error {
		var wanted []want
		err := e.Tx.EachWanted(func(root item.Hash, id item.ID) error {
			wanted = append(wanted, want{root, id})
			return nil
		})
		for i, x := range wanted {
			if err == nil && (every == 0 || i%every == 0) {
				err = e.Arrived(x.id, x.root)
				n++
			}
		}
		return err
	}))
	w.logf("%s fetches %d contents", r.name, n)
	r.now = nil
}
