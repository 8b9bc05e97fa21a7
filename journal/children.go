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

// Family is those of one family, by ID. An Update keeps which these are until an item gets another place: it
// comes back to a family several times.
func (tx *Tx) Family(parent item.ID, family string) ([]*item.Item, error) {
	prefix := familyPrefix(parent, family)
	ids, ok := tx.kin[string(prefix)]
	if !ok {
		err := tx.keys(prefix, func(key []byte) error {
			id, err := tailID(key)
			ids = append(ids, id)
			return err
		})
		if err != nil {
			return nil, err
		}
		tx.keepKin(prefix, ids)
	}
	var items []*item.Item
	for _, id := range ids {
		it, err := tx.indexed(id)
		if err != nil {
			return nil, err
		}
		items = append(items, it)
	}
	return items, nil
}

// maxKin bounds what an Update keeps of families.
const maxKin = 4 << 10

func (tx *Tx) keepKin(prefix []byte, ids []item.ID) {
	if tx.writes == nil {
		return
	}
	if tx.kin == nil || len(tx.kin) >= maxKin {
		tx.kin = map[string][]item.ID{}
	}
	tx.kin[string(prefix)] = ids
}

// forgetKin is called with each key that is put or deleted.
func (tx *Tx) forgetKin(key []byte) {
	if key[0] == kindChild {
		delete(tx.kin, string(key[:len(key)-len(item.ID{})]))
	}
}

func (tx *Tx) children(prefix []byte, fn func(*item.Item) error) error {
	return tx.keys(prefix, func(key []byte) error {
		id, err := tailID(key)
		if err != nil {
			return err
		}
		it, err := tx.indexed(id)
		if err != nil {
			return err
		}
		return fn(it)
	})
}

// indexed is the state shown of an item that the index has.
func (tx *Tx) indexed(id item.ID) (*item.Item, error) {
	it, err := tx.Shown(id)
	if err == nil && it == nil {
		err = fmt.Errorf("journal: item %s: %w: indexed, but not there", id, ErrCorrupt)
	}
	return it, err
}

// HasChild tells whether any state, known or older, has that parent.
func (tx *Tx) HasChild(parent item.ID) (bool, error) {
	if ok, err := tx.has(childPrefix(parent)); ok || err != nil {
		return ok, err
	}
	return tx.has(parentPrefix(parent))
}
