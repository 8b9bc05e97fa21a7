package tree

import (
	"maps"
	"slices"

	"syncfs/journal/item"
	"syncfs/journal/name"
	"syncfs/replicate/view"
)

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

// lookAgain has the disk look at a file that looks as before: what it shows has come.
func (e *Edit) lookAgain(it *item.Item) error {
	if !it.Live() {
		return nil
	}
	parent, err := e.parent(it)
	if err != nil {
		return err
	}
	return e.Tx.MarkDirty(parent, name.Family(it.Place.Name))
}

// refresh notes that an item on its seat looks different.
func (e *Edit) refresh(it *item.Item) error {
	if ok, err := e.shown(it); err != nil || !ok {
		return err
	}
	_, err := e.touch(it)
	return err
}
