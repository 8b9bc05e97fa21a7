package journal

import (
	"fmt"

	"syncfs/journal/item"
)

// Children calls fn with the state shown of every item whose state shown has that parent,
// tombstones included, family by family.
func (tx *Tx) Children(parent item.ID, fn func(*item.Item) error) error {
	return tx.children(childPrefix(parent), fn)
}

// Family is those of one family, by ID.
func (tx *Tx) Family(parent item.ID, family string) ([]*item.Item, error) {
	var items []*item.Item
	err := tx.children(familyPrefix(parent, family), func(it *item.Item) error {
		items = append(items, it)
		return nil
	})
	return items, err
}

func (tx *Tx) children(prefix []byte, fn func(*item.Item) error) error {
	return tx.keys(prefix, func(key []byte) error {
		id, err := tailID(key)
		if err != nil {
			return err
		}
		it, err := tx.Shown(id)
		if err != nil {
			return err
		}
		if it == nil {
			return fmt.Errorf("journal: item %s: %w: indexed, but not there", id, ErrCorrupt)
		}
		return fn(it)
	})
}

// HasChild tells whether any state, known or older, has that parent.
func (tx *Tx) HasChild(parent item.ID) (bool, error) {
	if ok, err := tx.has(childPrefix(parent)); ok || err != nil {
		return ok, err
	}
	return tx.has(parentPrefix(parent))
}
