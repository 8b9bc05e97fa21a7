package tree

import (
	"fmt"

	"syncfs/journal/item"
)

// Exchange has two nodes change places, and says which item each is then, the first of several.
func (e *Edit) Exchange(a, b Node) (isA, isB item.ID, err error) {
	x, err := e.moving(a)
	if err != nil {
		return isA, isB, err
	}
	y, err := e.moving(b)
	if err != nil {
		return isA, isB, err
	}
	if len(x) == 0 || len(y) == 0 {
		return isA, isB, fmt.Errorf("%q and %q: %w", a.Name, b.Name, ErrNoItem)
	}
	if a.Dir || b.Dir {
		if err := e.settleCycles(); err != nil {
			return isA, isB, err
		}
	}
	ofA, err := e.seatOf(a, x[0])
	if err != nil {
		return isA, isB, err
	}
	ofB, err := e.seatOf(b, y[0])
	if err != nil {
		return isA, isB, err
	}
	if isA, err = e.putAt(ofB, a, x); err != nil {
		return isA, isB, err
	}
	isB, err = e.putAt(ofA, b, y)
	return isA, isB, err
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

func (e *Edit) putAt(s seat, k Node, ids []item.ID) (item.ID, error) {
	if k.Dir {
		if err := e.revive(ids[0]); err != nil {
			return ids[0], err
		}
		return ids[0], e.moveDirs(ids, s.dir, s.name)
	}
	id, err := e.single(ids, k.Content)
	if err != nil {
		return id, err
	}
	return id, e.touchItem(id, k.Content, func(it *item.Item) { moveTo(it, s.dir, s.name, e.now()) })
}
