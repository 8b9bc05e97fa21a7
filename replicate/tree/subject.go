package tree

import (
	"slices"

	"syncfs/journal/item"
	"syncfs/replicate/view"
)

// subject are the items that an operation on k is made on, once the families that they are shown in are
// settled and the directories above them revived. What the journal has no more is left out.
func (e *Edit) subject(k Node) ([]item.ID, error) {
	var ids []item.ID
	done := map[seat]bool{}
	for _, id := range k.IDs {
		seen := k.Content
		at, err := e.Tx.Shown(id)
		if err == nil && at == nil && k.IsCopy() {
			seen = nil
			at, err = e.Tx.Shown(k.CopyOf)
		}
		if err != nil {
			return nil, err
		}
		if at == nil {
			continue
		}
		if err := e.prepare(at, seen, done); err != nil {
			return nil, err
		}
		if at, err = e.Tx.Shown(id); err != nil {
			return nil, err
		}
		if at != nil {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// prepare settles the family that an item is shown in, and revives the directory. Where the view has put
// another content in the place of the one that the program saw, that one is shown as a copy now; it is
// left with its item, since the operation is on it.
func (e *Edit) prepare(it *item.Item, seen *item.Content, done map[seat]bool) error {
	dir, err := e.parent(it)
	if err != nil {
		return err
	}
	s := seat{dir: dir, name: it.Place.Name}
	if done[s] {
		return nil
	}
	done[s] = true
	if !displaced(it, seen) {
		if err := e.settle(dir, it.Place.Name); err != nil {
			return err
		}
	}
	return e.revive(dir)
}

// displaced tells whether an item has the content seen still, but shows another.
func displaced(it *item.Item, seen *item.Content) bool {
	if seen == nil || it.Dir {
		return false
	}
	l := view.ShownContents(it)
	i := slices.IndexFunc(l, func(c view.Contents) bool { return c.Content.Key() == seen.Key() })
	return i > 0
}

// enter prepares dir for an entry of that name, and gives the item of dir that new entries go to.
func (e *Edit) enter(dir Node, nm string) (item.ID, error) {
	ids, err := e.liveFirst(dir.IDs)
	if err != nil {
		return item.Root, err
	}
	var done []item.ID
	for _, id := range ids {
		if slices.Contains(done, id) {
			continue
		}
		if err := e.settle(id, nm); err != nil {
			return item.Root, err
		}
		group, err := e.group(id)
		if err != nil {
			return item.Root, err
		}
		done = append(done, group...)
	}
	return ids[0], e.revive(ids[0])
}
