package tree

import (
	"slices"

	"syncfs/journal/item"
	"syncfs/replicate/view"
)

// offered are the IDs that the contents of a state shown have as copies: those that it shows, and, of
// an older state, all, since it gives way as soon as one of them has become an item.
func offered(it *item.Item, older bool) []item.ID {
	if it == nil || it.Dir {
		return nil
	}
	var ids []item.ID
	if older {
		for d, x := range it.Entries {
			if x.Content != nil {
				ids = append(ids, view.Copy(it.ID, d))
			}
		}
		return ids
	}
	if len(it.Entries) > 1 {
		if l := view.ShownContents(it); len(l) > 1 {
			for _, c := range l[1:] {
				ids = append(ids, view.Copy(it.ID, c.Dots[0]))
			}
		}
	}
	return ids
}

// noteCopies keeps the list of the copies of a file.
func (e *Edit) noteCopies(id item.ID, was, now []item.ID) error {
	for _, c := range was {
		if !slices.Contains(now, c) {
			if err := e.Tx.DeleteCopy(c); err != nil {
				return err
			}
		}
	}
	for _, c := range now {
		if !slices.Contains(was, c) {
			if err := e.Tx.PutCopy(c, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// refreshBase: an item that comes or goes may be a copy of another, which then shows something else.
func (e *Edit) refreshBase(copied item.ID) error {
	base, ok, err := e.Tx.Copy(copied)
	if err != nil || !ok {
		return err
	}
	it, err := e.Tx.Shown(base)
	if err != nil || it == nil {
		return err
	}
	return e.refresh(it)
}
