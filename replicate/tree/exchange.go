package tree

import (
	"fmt"

	"syncfs/journal/item"
)

// Exchange has two nodes change places.
func (e *Edit) Exchange(a, b Node) error {
	x, err := e.subject(a)
	if err != nil {
		return err
	}
	y, err := e.subject(b)
	if err != nil {
		return err
	}
	if len(x) == 0 || len(y) == 0 {
		return fmt.Errorf("%q and %q: %w", a.Name, b.Name, ErrNoItem)
	}
	if a.Dir || b.Dir {
		if err := e.settleCycles(); err != nil {
			return err
		}
	}
	ofA, err := e.seatOf(a, x[0])
	if err != nil {
		return err
	}
	ofB, err := e.seatOf(b, y[0])
	if err != nil {
		return err
	}
	if err := e.putAt(ofB, a, x); err != nil {
		return err
	}
	return e.putAt(ofA, b, y)
}

// seatOf is where the program saw a node, if it says so, else where its item is shown.
func (e *Edit) seatOf(k Node, id item.ID) (seat, error) {
	if len(k.Parent) > 0 {
		return seat{dir: k.Parent[0], name: k.Name}, nil
	}
	it, err := e.Tx.Shown(id)
	if err != nil {
		return seat{}, err
	}
	dir, err := e.parent(it)
	return seat{dir: dir, name: it.Place.Name}, err
}

func (e *Edit) putAt(s seat, k Node, ids []item.ID) error {
	if k.Dir {
		if err := e.revive(ids[0]); err != nil {
			return err
		}
		return e.moveDirs(ids, s.dir, s.name)
	}
	id, err := e.single(ids, k.Content)
	if err != nil {
		return err
	}
	return e.touchItem(id, k.Content, func(it *item.Item) { moveTo(it, s.dir, s.name, e.now()) })
}
