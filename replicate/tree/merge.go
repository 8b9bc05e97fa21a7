package tree

import (
	"slices"

	"syncfs/journal/item"
	"syncfs/journal/name"
)

// A seat is where a directory is shown, or was.
type seat struct {
	dir  item.ID
	name string
	item item.ID
}

// regroup finds out anew which directories are one node, wherever one was put on a seat or taken from
// it. Directories that become one node, or no longer are, make the same of those in them that have one
// name: so the work goes on below, but only there.
func (e *Edit) regroup() error {
	for len(e.seats) > 0 {
		s := e.seats[0]
		e.seats = e.seats[1:]
		if err := e.regroupAt(s); err != nil {
			return err
		}
	}
	return nil
}

func (e *Edit) regroupAt(s seat) error {
	up, err := e.group(s.dir)
	if err != nil {
		return err
	}
	var one []item.ID
	for _, dir := range up {
		items, err := e.relatives(dir, name.Family(s.name))
		if err != nil {
			return err
		}
		for _, it := range items {
			if it.Dir && it.Place.Name == s.name {
				one = append(one, it.ID)
			}
		}
	}
	slices.SortFunc(one, item.ID.Compare)
	for _, id := range one {
		if err := e.setGroup(id, one); err != nil {
			return err
		}
	}
	it, err := e.Tx.Shown(s.item)
	if err != nil {
		return err
	}
	if it != nil {
		if ok, err := e.shown(it); err != nil || ok {
			return err
		}
	}
	return e.setGroup(s.item, nil)
}

// setGroup says which directories id is one node with. What is in it stands beside other names now.
func (e *Edit) setGroup(id item.ID, one []item.ID) error {
	if len(one) == 1 {
		one = nil
	}
	was, err := e.Tx.Merged(id)
	if err != nil || slices.Equal(was, one) {
		return err
	}
	if err := e.Tx.SetMerged(id, one); err != nil {
		return err
	}
	if err := e.Tx.MarkDirtyDir(id); err != nil {
		return err
	}
	return e.kids(id, func(it *item.Item) error {
		e.touched[spot{id, name.Family(it.Place.Name)}] = true
		if it.Dir {
			e.seats = append(e.seats, seat{id, it.Place.Name, it.ID})
		}
		return nil
	})
}
