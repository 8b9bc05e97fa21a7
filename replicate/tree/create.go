package tree

import (
	"syncfs/journal/item"
	"syncfs/journal/name"
	"syncfs/journal/version"
)

// Create makes a file or symlink in dir, under a name that the program saw free: a new item, even if the
// view has one of that name meanwhile. But a file that was removed from there is the same file again.
// A held one, whose content is not taken yet, is told to nobody until it is written; what it is the
// same as is found out then.
func (e *Edit) Create(dir Node, nm string, c item.Content, m Meta, held bool) (item.ID, error) {
	parent, err := e.enter(dir, nm)
	if err != nil {
		return item.Root, err
	}
	var again *item.Item
	if !held {
		if again, err = e.removedAt(parent, nm); err != nil {
			return item.Root, err
		}
	}
	id, err := e.newID()
	if err != nil {
		return item.Root, err
	}
	if again != nil {
		id = again.ID
	}
	err = e.edit(id, nil, c, func(it *item.Item, ts version.Timestamp) {
		moveTo(it, parent, nm, ts)
		setMeta(it, m, ts)
	})
	if err != nil || !held {
		return id, err
	}
	return id, e.Tx.SetHeld(id, true)
}

// removedAt is the file that was removed last from a name; nil if none was. One that is on disk still, under another name,
// is another file: what a peer has moved here and removed may stay there for as long as a program writes it.
func (e *Edit) removedAt(parent item.ID, nm string) (*item.Item, error) {
	l, err := e.Tx.Family(parent, name.Family(nm))
	if err != nil {
		return nil, err
	}
	var last *item.Item
	for _, it := range l {
		if it.Live() || it.Dir || it.Place.Name != nm || last != nil && last.Place.Compare(it.Place) >= 0 {
			continue
		}
		if _, _, there, err := e.Tx.Where(it.ID); err != nil {
			return nil, err
		} else if !there {
			last = it
		}
	}
	return last, nil
}

// Mkdir makes a directory in dir.
func (e *Edit) Mkdir(dir Node, nm string, m Meta) (item.ID, error) {
	parent, err := e.enter(dir, nm)
	if err != nil {
		return item.Root, err
	}
	id, err := e.newID()
	if err != nil {
		return item.Root, err
	}
	return id, e.touchItem(id, nil, func(it *item.Item) {
		ts := e.now()
		it.Dir = true
		it.Place = item.Place{Parent: parent, Name: nm, Timestamp: ts}
		setMeta(it, m, ts)
	})
}
