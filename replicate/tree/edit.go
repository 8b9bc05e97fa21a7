package tree

import (
	"cmp"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/version"
)

// An Edit makes changes in one transaction of the journal. It is valid within the function that Update
// calls, and reads the tree as it has changed it.
type Edit struct {
	View
	tree      *Tree
	clock     version.Clock
	began     int64          // what the clock had given by then
	knowledge version.Vector // nil until it is read
	away      map[item.ID]item.Place

	loose   map[item.ID]bool // on no seat at this moment
	seats   []seat           // where the directories that are one node may have changed
	touched map[spot]bool    // what may show something else
	changed map[item.ID]bool // items that were left with an older state
}

// A spot is a family of names in a directory.
type spot struct {
	dir    item.ID
	family string
}

func newEdit(t *Tree, tx *journal.Tx) (*Edit, error) {
	last, err := tx.Clock()
	if err != nil {
		return nil, err
	}
	return &Edit{
		View:    Look(tx),
		tree:    t,
		clock:   version.Clock{Replica: t.options.Name, Last: last},
		began:   last,
		away:    map[item.ID]item.Place{},
		loose:   map[item.ID]bool{},
		touched: map[spot]bool{},
		changed: map[item.ID]bool{},
	}, nil
}

// finish brings what is kept beside the items up to date, before the transaction commits.
func (e *Edit) finish() error {
	for id := range e.changed {
		if err := e.giveWayAtLast(id); err != nil {
			return err
		}
	}
	if err := e.regroup(); err != nil {
		return err
	}
	if err := e.noteConflicts(); err != nil {
		return err
	}
	if e.knowledge != nil {
		if err := e.Tx.SetKnowledge(e.knowledge); err != nil {
			return err
		}
	}
	if e.clock.Last == e.began {
		return nil
	}
	return e.Tx.SetClock(e.clock.Last)
}

func (e *Edit) newID() (item.ID, error) { return draw(e.tree.options.Rand) }

func (e *Edit) now() version.Timestamp { return e.clock.Now(e.tree.options.Now()) }

// dot is a provisional one. The clock never goes back, so it is later than every other.
func (e *Edit) dot() version.Dot {
	return version.Dot{Incarnation: version.Provisional, Seq: uint64(e.now().Time)}
}

// knows is the knowledge of this replica, to be changed in place.
func (e *Edit) knows() (version.Vector, error) {
	if e.knowledge == nil {
		k, err := e.Tx.Knowledge()
		if err != nil {
			return nil, err
		}
		e.knowledge = k.Clone()
	}
	return e.knowledge, nil
}

// set gives an item new states and brings the view up to date: known is nil where nothing is to be
// left of the item, older where the state known is the one shown.
func (e *Edit) set(id item.ID, known, older *item.Item) error {
	wasKnown, err := e.Tx.Known(id)
	if err != nil {
		return err
	}
	wasOlder, err := e.Tx.Older(id)
	if err != nil {
		return err
	}
	was, now := cmp.Or(wasOlder, wasKnown), cmp.Or(older, known)
	if was == nil && now == nil {
		return nil
	}
	stay := sameSeat(was, now)
	if !stay {
		if err := e.leave(id); err != nil {
			return err
		}
	}
	if err := e.store(id, known, older, wasOlder != nil); err != nil {
		return err
	}
	if err := e.noteCopies(id, offered(was, wasOlder != nil), offered(now, older != nil)); err != nil {
		return err
	}
	if err := e.unwant(id, append(roots(wasKnown), roots(wasOlder)...), append(roots(known), roots(older)...)); err != nil {
		return err
	}
	if older != nil {
		e.changed[id] = true
	}
	if (wasKnown == nil) != (known == nil) {
		if err := e.refreshBase(id); err != nil {
			return err
		}
	}
	if stay {
		if looksSame(was, now) {
			return nil
		}
		return e.refresh(now)
	}
	if dir := cmp.Or(now, was).Dir; dir && (was == nil || now == nil || was.Place != now.Place) {
		undone, err := e.cycles(id)
		if err != nil {
			return err
		}
		if err := e.undo(undone, id); err != nil {
			return err
		}
	}
	return e.sit(id)
}

func (e *Edit) store(id item.ID, known, older *item.Item, hadOlder bool) error {
	if known == nil {
		if err := e.Tx.SetHeld(id, false); err != nil {
			return err
		}
		if err := e.Tx.DeleteKnown(id); err != nil {
			return err
		}
	} else if err := e.Tx.PutKnown(known); err != nil {
		return err
	}
	switch {
	case older != nil:
		return e.Tx.PutOlder(older)
	case hadOlder:
		return e.Tx.DeleteOlder(id)
	}
	return nil
}
