package tree

import (
	"slices"

	"syncfs/journal/item"
	"syncfs/replicate/view"
)

// roots are the contents that a live file shows, itself and as copies; of symlinks there is nothing to
// fetch.
func roots(it *item.Item) []item.Hash {
	if it == nil || it.Dir || !it.Live() {
		return nil
	}
	var l []item.Hash
	for _, c := range view.ShownContents(it) {
		if !c.Content.Symlink {
			l = append(l, c.Content.Root)
		}
	}
	return l
}

// dropped are the contents that a file shows no more.
func dropped(was, now *item.Item) []item.Hash {
	left := roots(now)
	return slices.DeleteFunc(roots(was), func(root item.Hash) bool { return slices.Contains(left, root) })
}

// lacks are the contents which now shows that the state shown so far has not here.
func (e *Edit) lacks(now, shown *item.Item) ([]item.Hash, error) {
	had := roots(shown)
	var l []item.Hash
	for _, root := range roots(now) {
		wanted := !slices.Contains(had, root)
		if !wanted {
			var err error
			if wanted, err = e.isWanted(root, now.ID); err != nil {
				return nil, err
			}
		}
		if wanted {
			l = append(l, root)
		}
	}
	return l, nil
}

// Want has a content be fetched that an item shows. False: it does not.
func (e *Edit) Want(id item.ID, root item.Hash) (shown bool, err error) {
	it, err := e.Tx.Shown(id)
	if err != nil || !slices.Contains(roots(it), root) {
		return false, err
	}
	if wanted, err := e.isWanted(root, id); err != nil || wanted {
		return true, err
	}
	return true, e.Tx.PutWanted(root, id)
}

func (e *Edit) isWanted(root item.Hash, by item.ID) (bool, error) {
	return e.Tx.Wants(root, by)
}

// unwant forgets what an item wanted and shows no more: not as it is known, nor in an older state.
func (e *Edit) unwant(id item.ID, was, now []item.Hash) error {
	for _, root := range was {
		if slices.Contains(now, root) {
			continue
		}
		if wanted, err := e.isWanted(root, id); err != nil {
			return err
		} else if wanted {
			if err := e.Tx.DeleteWanted(root, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// wantToo has a copy that becomes an item want its content, if the file that it is a copy of does.
func (e *Edit) wantToo(id, base item.ID, c *item.Content) error {
	if c.Symlink {
		return nil
	}
	wanted, err := e.isWanted(c.Root, base)
	if err != nil || !wanted {
		return err
	}
	return e.Tx.PutWanted(c.Root, id)
}

// waitWith has a copy that is known to be gone stay for as long as the older state that it was written
// down from: it waits for what the file wants.
func (e *Edit) waitWith(id item.ID, base *item.Item) error {
	for _, root := range roots(base) {
		if wanted, err := e.isWanted(root, base.ID); err != nil {
			return err
		} else if wanted {
			if err := e.Tx.PutWanted(root, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// endWaits: what a join has made a file want no more, its copies wait for no longer.
func (e *Edit) endWaits(was, now *item.Item) error {
	for _, root := range dropped(was, now) {
		ids, err := e.Tx.Wanted(root)
		if err != nil {
			return err
		}
		for _, id := range ids {
			known, err := e.Tx.Known(id)
			if err != nil {
				return err
			}
			if slices.Contains(roots(known), root) {
				continue
			}
			if err := e.Tx.DeleteWanted(root, id); err != nil {
				return err
			}
			if err := e.giveWay(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// Arrived says that a content which an item wants is here. When it was the last one the item is shown as
// it is known.
func (e *Edit) Arrived(id item.ID, root item.Hash) error {
	if err := e.Tx.DeleteWanted(root, id); err != nil {
		return err
	}
	known, err := e.Tx.Known(id)
	if err != nil || known == nil {
		return err
	}
	if waits, err := e.waits(known); err != nil {
		return err
	} else if waits {
		return e.lookAgain(known)
	}
	return e.Release(id)
}

// waits tells whether an item wants a content that it shows.
func (e *Edit) waits(it *item.Item) (bool, error) {
	for _, root := range roots(it) {
		if wanted, err := e.isWanted(root, it.ID); err != nil || wanted {
			return wanted, err
		}
	}
	return false, nil
}

// giveWayAtLast: a change has taken from an item what it waited for last, the other contents being here.
func (e *Edit) giveWayAtLast(id item.ID) error {
	known, err := e.Tx.Known(id)
	if err != nil || known == nil || !known.Live() {
		return err // a copy that is known to be gone waits with the file that it is of
	}
	if waits, err := e.waits(known); err != nil || waits {
		return err
	}
	return e.giveWay(id)
}

// Release says that all contents of an item are here: it is shown as it is known.
func (e *Edit) Release(id item.ID) error {
	known, err := e.Tx.Known(id)
	if err != nil || known == nil {
		return err
	}
	for _, root := range roots(known) {
		if err := e.Tx.DeleteWanted(root, id); err != nil {
			return err
		}
	}
	if err := e.giveWay(id); err != nil {
		return err
	}
	return e.lookAgain(known)
}
