package tree

import (
	"context"
	"slices"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/version"
)

// Stamp gives every item changed here since the last session one dot, but held ones, and says what is
// known then. It is on disk after the next Sync of the journal. What is stamped when ctx ends stays so.
func (t *Tree) Stamp(ctx context.Context) (version.Vector, error) {
	if err := t.lock(); err != nil {
		return nil, err
	}
	defer t.mu.Unlock()
	return t.stamp(ctx)
}

func (t *Tree) stamp(ctx context.Context) (knowledge version.Vector, err error) {
	var ids []item.ID
	err = t.journal.View(func(tx *journal.Tx) error {
		if knowledge, err = tx.Knowledge(); err != nil {
			return err
		}
		return tx.EachUnstamped(func(id item.ID) error {
			held, err := tx.Held(id)
			if !held {
				ids = append(ids, id)
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	err = t.inBatches(len(ids), func(e *Edit, i int) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := e.stamp(ids[i]); err != nil {
			return err
		}
		knowledge = e.knowledge
		return nil
	})
	return knowledge, err
}

// realDot draws the next dot of this incarnation. What is known of it is what was drawn.
func (e *Edit) realDot() (version.Dot, error) {
	k, err := e.knows()
	if err != nil {
		return version.Dot{}, err
	}
	k[e.tree.incarnation]++
	return version.Dot{Incarnation: e.tree.incarnation, Seq: k[e.tree.incarnation]}, nil
}

// stamp gives one item real dots for its provisional ones: as a rule one, for a content; a mark of
// presence beside it is not needed.
func (e *Edit) stamp(id item.ID) error {
	known, err := e.Tx.Known(id)
	if err != nil || known == nil {
		return err
	}
	older, err := e.Tx.Older(id)
	if err != nil {
		return err
	}
	real, last, err := e.realDots(known, older)
	if err != nil {
		return err
	}
	return e.set(id, stamped(known, real, last), stamped(older, real, last))
}

// realDots draws a dot for each provisional content of an item, and one for what else was changed. Last
// is the one drawn last.
func (e *Edit) realDots(states ...*item.Item) (real map[version.Dot]version.Dot, last version.Dot, err error) {
	provisional := map[version.Dot]item.Entry{}
	for _, it := range states {
		if it == nil {
			continue
		}
		for d, x := range it.Entries {
			if d.Incarnation == version.Provisional && (provisional[d].Content == nil || !x.Gone) {
				provisional[d] = x
			}
		}
	}
	var order []version.Dot
	for d := range provisional {
		order = append(order, d)
	}
	slices.SortFunc(order, version.Dot.Compare)
	real = map[version.Dot]version.Dot{}
	live := false
	for _, d := range order {
		if x := provisional[d]; x.Content != nil {
			if real[d], err = e.realDot(); err != nil {
				return nil, last, err
			}
			last = real[d]
			live = live || !x.Gone
		}
	}
	if len(real) == 0 || !live && len(real) < len(order) {
		if last, err = e.realDot(); err != nil {
			return nil, last, err
		}
	}
	for _, d := range order {
		if provisional[d].Content == nil {
			real[d] = last
		}
	}
	return real, last, nil
}

// stamped is a state with the real dots for its provisional ones.
func stamped(it *item.Item, real map[version.Dot]version.Dot, last version.Dot) *item.Item {
	if it == nil || it.Context[version.Provisional] == 0 {
		return it
	}
	n := it.Clone()
	delete(n.Context, version.Provisional)
	n.Context[last.Incarnation] = last.Seq
	for d, x := range it.Entries {
		if d.Incarnation != version.Provisional {
			continue
		}
		delete(n.Entries, d)
		if n.Entries[real[d]].Content == nil {
			n.Entries[real[d]] = x
		}
	}
	return n
}
