package tree

import (
	"context"
	"errors"
	"iter"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/version"
)

// Offer gives what a peer that has seen have has not seen: first what is known here, then each state, all
// of one moment. Changes are stamped, and on disk, before anything is given.
func (t *Tree) Offer(have version.Vector, knowledge func(version.Vector) error, state func(*item.Item) error) error {
	if err := t.lock(); err != nil {
		return err
	}
	known, err := t.stamp(context.Background())
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
// View shows what was before. What a batch wants is in the journal when part is called after it: nothing can
// undo it then. Part must not wait for the tree.
func (t *Tree) Join(states iter.Seq2[*item.Item, error], knowledge version.Vector, part func()) error {
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
	if err := t.lock(); err != nil { // nothing unfinished is in the redo
		return err
	}
	t.mu.Unlock()
	all := sent{}
	if err := t.receive(first, next, more, all); err != nil {
		return errors.Join(err, t.journal.ClearRedo())
	}
	if err := t.lock(); err != nil {
		return err
	}
	defer t.mu.Unlock()
	if err := t.accept(knowledge, all); err != nil {
		return errors.Join(err, t.journal.ClearRedo())
	}
	return t.redo(knowledge, part)
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
	if err := t.lock(); err != nil {
		return err
	}
	defer t.mu.Unlock()
	if _, err := t.stamp(context.Background()); err != nil {
		return err
	}
	return t.update(func(e *Edit) error {
		all := sent{}
		if err := all.add(states); err != nil {
			return err
		}
		c, err := newCheck(e.Tx, t.incarnation, knowledge, all)
		if err != nil {
			return err
		}
		for _, it := range states {
			if err := c.state(it); err != nil {
				return err
			}
		}
		if err := e.joinAll(states); err != nil {
			return err
		}
		return e.learn(knowledge)
	})
}

// receive puts a large session down whole, and notes what is sent.
func (t *Tree) receive(states []*item.Item, next func() (*item.Item, error, bool), more bool, all sent) error {
	if err := t.journal.ClearRedo(); err != nil {
		return err
	}
	for {
		if err := all.add(states); err != nil {
			return err
		}
		if err := t.putDown(states); err != nil || !more {
			return err
		}
		var err error
		if states, more, err = take(next); err != nil {
			return err
		}
	}
}

// putDown adds states to the redo, in as few transactions as hold them.
func (t *Tree) putDown(states []*item.Item) error {
	err := t.journal.Update(func(tx *journal.Tx) error { return tx.AppendRedo(states) })
	if n := len(states); errors.Is(err, journal.ErrTooLarge) && n > 1 {
		if err := t.putDown(states[:n/2]); err != nil {
			return err
		}
		return t.putDown(states[n/2:])
	}
	return err
}

// accept looks at the session in the redo, and commits to joining it. It is called with mu held.
func (t *Tree) accept(knowledge version.Vector, all sent) error {
	err := t.journal.View(func(tx *journal.Tx) error {
		c, err := newCheck(tx, t.incarnation, knowledge, all)
		if err != nil {
			return err
		}
		return tx.EachRedo(c.state)
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
	return t.recover()
}

func (t *Tree) recover() error {
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
	return t.redo(knowledge, func() {})
}

// lock locks mu. A session that could not be joined to its end, since the disk was full, say, is joined
// before anything else is done.
func (t *Tree) lock() error {
	t.mu.Lock()
	if !t.unfinished {
		return nil
	}
	err := t.recover()
	if err != nil {
		t.mu.Unlock()
	}
	return err
}

// redo joins what the redo holds, and calls part after each batch. It is called with mu held.
func (t *Tree) redo(knowledge version.Vector, part func()) error {
	t.unfinished = true
	if err := t.journal.Sync(); err != nil {
		return err
	}
	if _, err := t.stamp(context.Background()); err != nil {
		return err
	}
	err := t.journal.View(func(tx *journal.Tx) error {
		var states []*item.Item
		join := func() error {
			err := t.inBatches(len(states), func(e *Edit, i int) error { return e.joinAll(states[i : i+1]) })
			states = nil
			part()
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
	if err := t.journal.ClearRedo(); err != nil {
		return err
	}
	t.unfinished = false
	return nil
}

func (e *Edit) learn(knowledge version.Vector) error {
	k, err := e.knows()
	if err != nil {
		return err
	}
	e.knowledge = k.Join(knowledge)
	return nil
}
