package tree

import (
	"errors"
	"iter"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/version"
)

// Offer gives what a peer that has seen have has not seen: first what is known here, then each state, all
// of one moment. Changes are stamped, and on disk, before anything is given.
func (t *Tree) Offer(have version.Vector, knowledge func(version.Vector) error, state func(*item.Item) error) error {
	t.mu.Lock()
	known, err := t.stamp()
	if err != nil {
		t.mu.Unlock()
		return err
	}
	return t.snapshot(t.mu.Unlock, func(tx *journal.Tx) error {
		if err := t.journal.Sync(); err != nil {
			return err
		}
		if err := knowledge(known); err != nil {
			return err
		}
		return tx.Unseen(have, func(it *item.Item) error {
			if it.Context[version.Provisional] > 0 {
				return nil // held
			}
			return state(it)
		})
	})
}

// Join takes in a session: all states and the knowledge they come with, or nothing. A session with a
// state that no replica can have made is refused with a HostileError. What is joined is on disk after the
// next Sync of the journal.
//
// What is too large for one transaction is joined in batches, behind a redo marker that holds all of
// it: after a crash Recover joins it from the start. Until the last batch is in, changes wait and a
// View shows what was before.
func (t *Tree) Join(states iter.Seq2[*item.Item, error], knowledge version.Vector) error {
	next, stop := iter.Pull2(states)
	defer stop()
	first, more, err := take(next)
	if err != nil {
		return err
	}
	if !more {
		err := t.joinSmall(first, knowledge)
		if !errors.Is(err, journal.ErrTooLarge) {
			return err
		}
	}
	t.receiving.Lock()
	defer t.receiving.Unlock()
	if err := t.receive(first, next, more, knowledge); err != nil {
		return errors.Join(err, t.journal.ClearRedo())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.redo(knowledge)
}

// take is the next batch of states, and whether there may be more.
func take(next func() (*item.Item, error, bool)) (states []*item.Item, more bool, err error) {
	for len(states) < batch {
		it, err, ok := next()
		if err != nil || !ok {
			return states, false, err
		}
		states = append(states, it)
	}
	return states, true, nil
}

// joinSmall joins a session in one transaction.
func (t *Tree) joinSmall(states []*item.Item, knowledge version.Vector) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := t.stamp(); err != nil {
		return err
	}
	return t.update(func(e *Edit) error {
		c, err := newCheck(e.Tx, t.incarnation, knowledge)
		if err != nil {
			return err
		}
		err = c.each(func(fn func(*item.Item) error) error {
			for _, it := range states {
				if err := fn(it); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := e.joinAll(states); err != nil {
			return err
		}
		return e.learn(knowledge)
	})
}

// receive puts a large session down whole, and looks at it.
func (t *Tree) receive(states []*item.Item, next func() (*item.Item, error, bool), more bool, knowledge version.Vector) error {
	if err := t.journal.ClearRedo(); err != nil {
		return err
	}
	for {
		err := t.journal.Update(func(tx *journal.Tx) error { return tx.AppendRedo(states) })
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if states, more, err = take(next); err != nil {
			return err
		}
	}
	err := t.journal.View(func(tx *journal.Tx) error {
		c, err := newCheck(tx, t.incarnation, knowledge)
		if err != nil {
			return err
		}
		return c.each(tx.EachRedo)
	})
	if err != nil {
		return err
	}
	return t.journal.Update(func(tx *journal.Tx) error { return tx.CommitRedo(knowledge) })
}

// Recover joins a session that a crash cut off. It is called before anything else is done with the tree.
func (t *Tree) Recover() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var knowledge version.Vector
	var there bool
	err := t.journal.View(func(tx *journal.Tx) (err error) {
		knowledge, there, err = tx.Redo()
		return err
	})
	if err != nil {
		return err
	}
	if !there {
		return t.journal.ClearRedo()
	}
	return t.redo(knowledge)
}

// redo joins what the redo holds. It is called with mu held.
func (t *Tree) redo(knowledge version.Vector) error {
	if err := t.journal.Sync(); err != nil {
		return err
	}
	if _, err := t.stamp(); err != nil {
		return err
	}
	err := t.journal.View(func(tx *journal.Tx) error {
		var states []*item.Item
		join := func() error {
			err := t.inBatches(len(states), func(e *Edit, i int) error { return e.joinAll(states[i : i+1]) })
			states = nil
			return err
		}
		err := tx.EachRedo(func(it *item.Item) error {
			if states = append(states, it); len(states) < batch {
				return nil
			}
			return join()
		})
		if err != nil {
			return err
		}
		return join()
	})
	if err != nil {
		return err
	}
	if err := t.update(func(e *Edit) error { return e.learn(knowledge) }); err != nil {
		return err
	}
	return t.journal.ClearRedo()
}

func (e *Edit) learn(knowledge version.Vector) error {
	k, err := e.knows()
	if err != nil {
		return err
	}
	e.knowledge = k.Join(knowledge)
	return nil
}
