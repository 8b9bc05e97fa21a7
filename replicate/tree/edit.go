package tree

import (
	"maps"
	"slices"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/name"
	"syncfs/journal/version"
	"syncfs/replicate/view"
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
	}, nil
}

// finish brings what is kept beside the items up to date, before the transaction commits.
func (e *Edit) finish() error {
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
	was, now := cmpOr(wasOlder, wasKnown), cmpOr(older, known)
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
	if err := e.unwant(wasKnown, known); err != nil {
		return err
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
	if dir := cmpOr(now, was).Dir; dir && (was == nil || now == nil || was.Place != now.Place) {
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

func cmpOr(a, b *item.Item) *item.Item {
	if a != nil {
		return a
	}
	return b
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

// sameSeat tells whether two states of an item are shown in one place, if they are. Every new place of
// a directory counts: it may make a cycle or break one.
func sameSeat(a, b *item.Item) bool {
	switch {
	case a == nil || b == nil || a.Live() != b.Live():
		return false
	case a.Dir:
		return a.Place == b.Place
	}
	return a.Place.Parent == b.Place.Parent && a.Place.Name == b.Place.Name
}

// looksSame tells whether two states in the same seat look the same to the view.
func looksSame(a, b *item.Item) bool {
	if a.Place != b.Place || !maps.Equal(a.Meta, b.Meta) {
		return false
	}
	x, y := view.ShownContents(a), view.ShownContents(b)
	return slices.EqualFunc(x, y, func(c, d view.Contents) bool {
		return *c.Content == *d.Content && (len(x) == 1 || c.Dots[0] == d.Dots[0])
	})
}

// leave takes an item from its seat, while its old state stands.
func (e *Edit) leave(id item.ID) error { return e.seatAs(id, -1) }

// sit puts an item on the seat that its state asks for.
func (e *Edit) sit(id item.ID) error { return e.seatAs(id, +1) }

func (e *Edit) seatAs(id item.ID, delta int) error {
	if delta < 0 {
		e.loose[id] = true
	} else {
		delete(e.loose, id)
	}
	it, err := e.Tx.Shown(id)
	if err != nil || it == nil {
		return err
	}
	if ok, err := e.shown(it); err != nil || !ok {
		return err
	}
	parent, err := e.touch(it)
	if err != nil {
		return err
	}
	return e.count(parent, delta)
}

// count changes the number of entries that a directory shows. Where a directory that is not live comes
// to be shown by that, or is shown no more, so does the count above it.
func (e *Edit) count(dir item.ID, delta int) error {
	for dir != item.Root {
		n, err := e.Tx.ShownCount(dir)
		if err != nil {
			return err
		}
		if err := e.Tx.SetShownCount(dir, n+delta); err != nil {
			return err
		}
		if n != 0 && n+delta != 0 || e.loose[dir] {
			return nil
		}
		it, err := e.Tx.Shown(dir)
		if err != nil || it == nil || !it.Dir || it.Live() {
			return err
		}
		if dir, err = e.touch(it); err != nil {
			return err
		}
	}
	return nil
}

// touch notes that the family which an item is shown in may show something else, or has an entry more
// or less.
func (e *Edit) touch(it *item.Item) (parent item.ID, err error) {
	if parent, err = e.parent(it); err != nil {
		return parent, err
	}
	if it.Dir {
		e.seats = append(e.seats, seat{parent, it.Place.Name, it.ID})
	}
	s := spot{parent, name.Family(it.Place.Name)}
	e.touched[s] = true
	return parent, e.Tx.MarkDirty(s.dir, s.family)
}

// refresh notes that an item on its seat looks different.
func (e *Edit) refresh(it *item.Item) error {
	if ok, err := e.shown(it); err != nil || !ok {
		return err
	}
	_, err := e.touch(it)
	return err
}

func (e *Edit) newID() (item.ID, error) { return draw(e.tree.options.Rand) }
