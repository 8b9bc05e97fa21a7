package tree

import (
	"fmt"
	"strconv"

	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate/view"
)

// Rename moves a node to a name in dir, over what the program saw replaced there: nil where the name was
// free. It says which item is there now: the target, where the source never left the machine, as it
// is with a temporary file; else the source.
func (e *Edit) Rename(k, dir Node, nm string, over *Node) (item.ID, error) {
	ids, err := e.moving(k)
	if err != nil {
		return item.Root, err
	}
	var replaced []item.ID
	if over != nil {
		if replaced, err = e.subject(*over); err != nil {
			return item.Root, err
		}
	}
	parent, err := e.enter(dir, nm)
	if err != nil {
		return item.Root, err
	}
	if k.Dir {
		return e.renameDir(k, ids, parent, nm, replaced)
	}
	var seen *item.Content
	if over != nil {
		seen = over.Content
	}
	return e.renameFile(k, ids, parent, nm, replaced, seen)
}

func (e *Edit) renameDir(k Node, ids []item.ID, parent item.ID, nm string, over []item.ID) (item.ID, error) {
	if len(ids) == 0 {
		return item.Root, fmt.Errorf("%q: %w", k.Name, ErrNoItem)
	}
	if err := e.settleCycles(); err != nil {
		return ids[0], err
	}
	if err := e.revive(ids[0]); err != nil {
		return ids[0], err
	}
	if err := e.remove(nil, over...); err != nil {
		return ids[0], err
	}
	return ids[0], e.moveDirs(ids, parent, nm)
}

// moveDirs moves the directories of a node. One that is not live shows only for what is in it: it moves
// along, and is not brought back by that.
func (e *Edit) moveDirs(ids []item.ID, parent item.ID, nm string) error {
	ts := e.now()
	for _, id := range ids {
		it, err := e.Tx.Shown(id)
		if err != nil {
			return err
		}
		if it.Live() {
			err = e.touchItem(id, nil, func(it *item.Item) { moveTo(it, parent, nm, ts) })
		} else {
			err = e.change(id, func(it *item.Item, _ version.Dot) { moveTo(it, parent, nm, ts) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *Edit) renameFile(k Node, ids []item.ID, parent item.ID, nm string, over []item.ID, seen *item.Content) (item.ID, error) {
	id, err := e.single(ids, k.Content)
	if err != nil {
		return id, err
	}
	it, err := e.Tx.Shown(id)
	if err != nil {
		return id, err
	}
	if len(over) > 0 {
		if never, err := e.neverLeft(id); err != nil {
			return id, err
		} else if never {
			target, err := e.single(over, seen)
			if err != nil {
				return id, err
			}
			return target, e.takeOver(target, it, seen)
		}
		if err := e.remove(seen, over...); err != nil {
			return id, err
		}
	}
	e.away[id] = it.Place
	return id, e.touchItem(id, k.Content, func(it *item.Item) { moveTo(it, parent, nm, e.now()) })
}

// takeOver gives an item the content and meta of another that never left the machine, of which nothing
// stays. If that is held, its content is still to come, to the item.
func (e *Edit) takeOver(id item.ID, from *item.Item, seen *item.Content) error {
	held, err := e.Tx.Held(from.ID)
	if err != nil {
		return err
	}
	if err := e.set(from.ID, nil, nil); err != nil {
		return err
	}
	m := shownMeta(from, nil)
	if held {
		return e.touchItem(id, seen, func(it *item.Item) { setMeta(it, m, e.now()) })
	}
	if err := e.Tx.SetHeld(id, false); err != nil {
		return err
	}
	c := *view.ShownContents(from)[0].Content
	if t := from.ShownMTime(&c); t != c.MTime {
		m[item.MTime] = strconv.FormatInt(t, 10)
	}
	return e.edit(id, seen, c, func(it *item.Item, _ version.Timestamp) { setMeta(it, m, e.now()) })
}
