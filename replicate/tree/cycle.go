package tree

import (
	"fmt"
	"maps"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/replicate/view"
)

// undone is the directories that are shown elsewhere than they are placed, since their places make
// cycles, each with the directory that it is shown in. They are a handful, mostly none.
type undone struct {
	tx *journal.Tx
	in map[item.ID]item.ID // nil until it is read
}

func (u *undone) all() (map[item.ID]item.ID, error) {
	if u.in != nil {
		return u.in, nil
	}
	in := map[item.ID]item.ID{}
	err := u.tx.EachUndone(func(id, parent item.ID) error {
		in[id] = parent
		return nil
	})
	if err != nil {
		return nil, err
	}
	u.in = in
	return in, nil
}

// parent is the directory that it is shown in, if it is shown.
func (v View) parent(it *item.Item) (item.ID, error) {
	if !it.Dir {
		return it.Place.Parent, nil
	}
	in, err := v.undone.all()
	if parent, ok := in[it.ID]; ok {
		return parent, nil
	}
	return it.Place.Parent, err
}

// strays calls fn with the directories that are shown in dir and placed elsewhere.
func (v View) strays(dir item.ID, fn func(*item.Item) error) error {
	in, err := v.undone.all()
	if err != nil {
		return err
	}
	for id, parent := range in {
		if parent != dir {
			continue
		}
		it, err := v.Tx.Shown(id)
		if err != nil {
			return err
		}
		if it == nil {
			return fmt.Errorf("item %v: %w", id, ErrUnreachable)
		}
		ok, err := v.shown(it)
		if err != nil {
			return err
		}
		if ok {
			if err := fn(it); err != nil {
				return err
			}
		}
	}
	return nil
}

// cycles finds what is undone now that a directory has a new place. Only cycles through it can have come
// or gone; but each that is left may be undone to elsewhere.
func (e *Edit) cycles(placed item.ID) (map[item.ID]item.ID, error) {
	was, err := e.undone.all()
	if err != nil {
		return nil, err
	}
	var failed error
	met := map[item.ID]*item.Item{}
	at := func(id item.ID) *item.Item {
		it, ok := met[id]
		if !ok {
			var err error
			if it, err = e.Tx.Shown(id); err != nil {
				failed = err
			}
			met[id] = it
		}
		return it
	}
	now := map[item.ID]item.ID{}
	look := func(id item.ID) {
		if last, parent, ok := view.Undone(id, at); ok {
			now[last] = parent
		}
	}
	look(placed)
	for id := range was {
		look(id)
	}
	return now, failed
}

// undo has other cycles shown undone, and moves the directories concerned from seat to seat. The one
// that was placed is on no seat at this moment.
func (e *Edit) undo(now map[item.ID]item.ID, placed item.ID) error {
	was, err := e.undone.all()
	if err != nil {
		return err
	}
	var moved []item.ID
	for id, parent := range now {
		if p, ok := was[id]; (!ok || p != parent) && id != placed {
			moved = append(moved, id)
		}
	}
	for id := range was {
		if _, ok := now[id]; !ok && id != placed {
			moved = append(moved, id)
		}
	}
	for _, id := range moved {
		if err := e.leave(id); err != nil {
			return err
		}
	}
	if err := e.setUndone(was, now); err != nil {
		return err
	}
	for _, id := range moved {
		if err := e.sit(id); err != nil {
			return err
		}
	}
	return nil
}

func (e *Edit) setUndone(was, now map[item.ID]item.ID) error {
	for id := range was {
		if _, ok := now[id]; !ok {
			if err := e.Tx.DeleteUndone(id); err != nil {
				return err
			}
		}
	}
	for id, parent := range now {
		if p, ok := was[id]; !ok || p != parent {
			if err := e.Tx.SetUndone(id, parent); err != nil {
				return err
			}
		}
	}
	e.undone.in = maps.Clone(now)
	return nil
}
