package tree

import (
	"errors"
	"fmt"
	"strconv"

	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate/view"
)

// ErrNoItem: an operation on a node of which the journal has no item and no content.
var ErrNoItem = errors.New("no such item")

// Write gives a file new content, and says which item the file is from now on: where a held file has
// the name that one was removed from, it is that one.
func (e *Edit) Write(k Node, c item.Content) (item.ID, error) {
	ids, err := e.subject(k)
	if err != nil {
		return item.Root, err
	}
	if len(ids) == 0 {
		return e.recreate(k, c)
	}
	held, err := e.Tx.Held(ids[0])
	if err != nil {
		return ids[0], err
	}
	if held {
		return e.writeHeld(ids[0], c)
	}
	if same, err := e.sameBytes(ids[0], k.Content, c); err != nil || same {
		return ids[0], err
	}
	id, err := e.single(ids, k.Content)
	if err != nil {
		return id, err
	}
	return id, e.edit(id, k.Content, c, func(*item.Item, version.Timestamp) {})
}

// writeHeld takes the first content of a file that was created held.
func (e *Edit) writeHeld(id item.ID, c item.Content) (item.ID, error) {
	if err := e.Tx.SetHeld(id, false); err != nil {
		return id, err
	}
	it, err := e.Tx.Shown(id)
	if err != nil {
		return id, err
	}
	again, err := e.removedAt(it.Place.Parent, it.Place.Name)
	if err != nil {
		return id, err
	}
	none, err := e.traceless(id)
	if err != nil {
		return id, err
	}
	if again == nil || !none {
		return id, e.edit(id, nil, c, func(*item.Item, version.Timestamp) {})
	}
	if err := e.set(id, nil, nil); err != nil {
		return id, err
	}
	m := shownMeta(it, nil)
	return again.ID, e.edit(again.ID, nil, c, func(n *item.Item, ts version.Timestamp) {
		moveTo(n, it.Place.Parent, it.Place.Name, ts)
		setMeta(n, m, ts)
	})
}

// sameBytes: the same bytes written again are no edit, and make no conflict; only the mtime is set.
func (e *Edit) sameBytes(id item.ID, seen *item.Content, c item.Content) (bool, error) {
	it, err := e.Tx.Shown(id)
	if err != nil || !it.Live() {
		return false, err
	}
	l := view.ShownContents(it)
	if len(l) == 0 || l[0].Content.Key() != c.Key() || seen != nil && seen.Key() != c.Key() || it.Entries[l[0].Dots[0]].Gone {
		return false, nil
	}
	if it.ShownMTime(l[0].Content) == c.MTime {
		return true, nil
	}
	return true, e.touchItem(id, seen, func(it *item.Item) {
		it.Meta[item.MTime] = item.Register{Value: strconv.FormatInt(c.MTime, 10), Timestamp: e.now()}
	})
}

// recreate makes a file of what a program has still before it, and the journal no more: a copy whose
// content was replaced where it came from, before the disk could follow.
func (e *Edit) recreate(k Node, c item.Content) (item.ID, error) {
	if len(k.Parent) == 0 {
		return item.Root, fmt.Errorf("%q: %w", k.Name, ErrNoItem)
	}
	return e.Create(Node{Node: view.Node{IDs: k.Parent, Dir: true}}, k.Name, c, k.Meta, false)
}

// moving is the subject of an operation that moves k. A file that the journal has no more is one anew first.
func (e *Edit) moving(k Node) ([]item.ID, error) {
	ids, err := e.subject(k)
	if err != nil || len(ids) > 0 || k.Dir {
		return ids, err
	}
	if k.Content == nil {
		return nil, fmt.Errorf("%q: %w", k.Name, ErrNoItem)
	}
	id, err := e.recreate(k, *k.Content)
	return []item.ID{id}, err
}

// SetMeta sets one register of what is shown of a node: mode, mtime or an extended attribute.
func (e *Edit) SetMeta(k Node, key, value string) error {
	return e.setRegister(k, key, item.Register{Value: value})
}

// ClearMeta takes an extended attribute away.
func (e *Edit) ClearMeta(k Node, key string) error {
	return e.setRegister(k, key, item.Register{Absent: true})
}

func (e *Edit) setRegister(k Node, key string, r item.Register) error {
	ids, err := e.subject(k)
	if err != nil || len(ids) == 0 {
		return err
	}
	id := ids[0]
	if !k.Dir {
		if id, err = e.single(ids, k.Content); err != nil {
			return err
		}
	}
	return e.touchItem(id, k.Content, func(it *item.Item) {
		r.Timestamp = e.now()
		it.Meta[key] = r
	})
}
