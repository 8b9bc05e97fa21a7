package tree

import (
	"syncfs/journal/item"
	"syncfs/journal/name"
	"syncfs/journal/version"
)

// Became says that what was known as the item Old is the item New from now on. Zero: nothing is.
type Became struct{ Old, New item.ID }

// Unlink removes a file. Where an editor moved the old file away, wrote a new one at its name, and now
// removes the old one, the new one becomes the old item.
func (e *Edit) Unlink(k Node) (Became, error) {
	ids, err := e.subject(k)
	if err != nil || len(ids) == 0 {
		return Became{}, err
	}
	old, err := e.single(ids, k.Content)
	if err != nil {
		return Became{}, err
	}
	successor, err := e.successor(old)
	if err != nil {
		return Became{}, err
	}
	if successor == nil {
		return Became{}, e.remove(k.Content, old)
	}
	return Became{successor.ID, old}, e.succeed(old, successor, k.Content)
}

// successor is the file that never left the machine at the name that old was moved away from; nil if
// there is none.
func (e *Edit) successor(old item.ID) (*item.Item, error) {
	was, ok := e.away[old]
	if !ok {
		was, ok = e.tree.away.place[old]
	}
	older, err := e.Tx.Older(old)
	if err != nil || !ok || older != nil {
		return nil, err
	}
	if err := e.settle(was.Parent, was.Name); err != nil {
		return nil, err
	}
	l, err := e.Tx.Family(was.Parent, name.Family(was.Name))
	if err != nil {
		return nil, err
	}
	for _, it := range l {
		if it.Dir || !it.Live() || it.ID == old || it.Place.Name != was.Name {
			continue
		}
		if never, err := e.neverLeft(it.ID); err != nil || never {
			return it, err
		}
	}
	return nil, nil
}

// succeed has the old item take the place of a new one, with its meta and content. If the new one is
// held, the content is still to come.
func (e *Edit) succeed(old item.ID, by *item.Item, seen *item.Content) error {
	if err := e.takeOver(old, by, seen); err != nil {
		return err
	}
	return e.change(old, func(it *item.Item, _ version.Dot) { moveTo(it, by.Place.Parent, by.Place.Name, e.now()) })
}

// Rmdir removes an empty directory.
func (e *Edit) Rmdir(k Node) error {
	ids, err := e.subject(k)
	if err != nil {
		return err
	}
	return e.remove(nil, ids...)
}
