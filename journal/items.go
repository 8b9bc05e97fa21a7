package journal

import (
	"bytes"
	"slices"

	"syncfs/journal/item"
	"syncfs/journal/name"
	"syncfs/journal/version"
)

// Known is the state of an item that the replica knows, nil where it knows none.
func (tx *Tx) Known(id item.ID) (*item.Item, error) { return tx.state(knownKey(id)) }

// Older is the older state that is shown while content of the state known is on its way, nil where
// there is none.
func (tx *Tx) Older(id item.ID) (*item.Item, error) { return tx.state(olderKey(id)) }

// Shown is the older state where there is one, else the state known.
func (tx *Tx) Shown(id item.ID) (*item.Item, error) {
	it, err := tx.Older(id)
	if it != nil || err != nil {
		return it, err
	}
	return tx.Known(id)
}

// PutKnown makes a state the one known of its item.
func (tx *Tx) PutKnown(it *item.Item) error {
	return tx.change(it.ID, knownKey(it.ID), it, func(s *states) { s.known = it })
}

// PutOlder makes a state the one shown of its item.
func (tx *Tx) PutOlder(it *item.Item) error {
	return tx.change(it.ID, olderKey(it.ID), it, func(s *states) { s.older = it })
}

// DeleteKnown forgets the item, as if it had never been; a removal leaves a tombstone instead.
func (tx *Tx) DeleteKnown(id item.ID) error {
	return tx.change(id, knownKey(id), nil, func(s *states) { s.known = nil })
}

// DeleteOlder has the state known be shown.
func (tx *Tx) DeleteOlder(id item.ID) error {
	return tx.change(id, olderKey(id), nil, func(s *states) { s.older = nil })
}

// EachKnown calls fn with every state known, by ID.
func (tx *Tx) EachKnown(fn func(*item.Item) error) error { return tx.eachState(kindKnown, fn) }

// EachOlder calls fn with every older state, by ID.
func (tx *Tx) EachOlder(fn func(*item.Item) error) error { return tx.eachState(kindOlder, fn) }

// EachUnstamped calls fn with every item of which some state has a provisional dot in its context.
func (tx *Tx) EachUnstamped(fn func(item.ID) error) error { return tx.eachID(kindUnstamped, fn) }

// Held tells whether the content of an item is not taken yet, so that stamping leaves it alone.
func (tx *Tx) Held(id item.ID) (bool, error) {
	b, err := tx.get(heldKey(id))
	return b != nil, err
}

// SetHeld says whether Held.
func (tx *Tx) SetHeld(id item.ID, held bool) error { return tx.mark(heldKey(id), held) }

// EachHeld calls fn with every item that is held.
func (tx *Tx) EachHeld(fn func(item.ID) error) error { return tx.eachID(kindHeld, fn) }

func (tx *Tx) state(key []byte) (*item.Item, error) {
	if it, ok := tx.seen[string(key)]; ok {
		return it, nil
	}
	b, err := tx.get(key)
	if err != nil {
		return nil, err
	}
	var it *item.Item
	if b != nil {
		if it, err = decodeState(key, b); err != nil {
			return nil, err
		}
	}
	tx.see(key, it)
	return it, nil
}

// maxSeen bounds what an Update keeps decoded.
const maxSeen = 8 << 10

// see keeps a state that an Update has read or put, nil for none: operations come back to the same
// items many times. It can be shared because states are values.
func (tx *Tx) see(key []byte, it *item.Item) {
	if tx.writes == nil {
		return
	}
	if tx.seen == nil || len(tx.seen) >= maxSeen {
		tx.seen = map[string]*item.Item{}
	}
	tx.seen[string(key)] = it
}

func decodeState(key, value []byte) (*item.Item, error) {
	it, err := item.Unmarshal(value)
	if err != nil {
		return nil, broken(key, err)
	}
	return it, nil
}

func (tx *Tx) eachState(kind byte, fn func(*item.Item) error) error {
	return tx.pairs([]byte{kind}, func(key, value []byte) error {
		it, err := decodeState(key, value)
		if err != nil {
			return err
		}
		return fn(it)
	})
}

func (tx *Tx) eachID(kind byte, fn func(item.ID) error) error {
	return tx.keys([]byte{kind}, func(key []byte) error {
		id, err := tailID(key)
		if err != nil {
			return err
		}
		return fn(id)
	})
}

// states are the two that a replica may have of one item.
type states struct{ known, older *item.Item }

// change puts or, where it is nil, deletes one state of an item, and the index entries with it.
func (tx *Tx) change(id item.ID, key []byte, it *item.Item, apply func(*states)) error {
	var before states
	var err error
	if before.known, err = tx.Known(id); err != nil {
		return err
	}
	if before.older, err = tx.Older(id); err != nil {
		return err
	}
	after := before
	apply(&after)
	if err := tx.reindex(before.index(), after.index()); err != nil {
		return err
	}
	if it == nil {
		tx.see(key, nil)
		return tx.delete(key)
	}
	b, err := it.MarshalBinary()
	if err != nil {
		return err
	}
	tx.see(key, it)
	return tx.set(key, b)
}

// index is every key by which the item is found: a function of its states alone.
func (s states) index() (keys [][]byte) {
	shown := s.known
	if s.older != nil {
		shown = s.older
	}
	if s.known != nil {
		for i, seq := range s.known.Context {
			if seq == 0 {
				continue // as good as none
			}
			keys = append(keys, logKey(i, seq, s.known.ID))
		}
		if p := s.known.Place.Parent; p != shown.Place.Parent {
			keys = append(keys, parentKey(p, s.known.ID))
		}
	}
	if shown != nil {
		keys = append(keys, childKey(shown.Place.Parent, name.Family(shown.Place.Name), shown.ID))
	}
	if unstamped(s.known) || unstamped(s.older) {
		keys = append(keys, unstampedKey(shown.ID))
	}
	return keys
}

func unstamped(it *item.Item) bool { return it != nil && it.Context[version.Provisional] > 0 }

// reindex brings the index from what it was to what it is to be: a handful of keys each, as a rule.
func (tx *Tx) reindex(before, after [][]byte) error {
	if len(before) > 0 && len(after) > 0 {
		slices.SortFunc(before, bytes.Compare)
		slices.SortFunc(after, bytes.Compare)
	}
	for _, k := range before {
		if _, stays := slices.BinarySearchFunc(after, k, bytes.Compare); !stays {
			if err := tx.delete(k); err != nil {
				return err
			}
		}
	}
	for _, k := range after {
		if _, was := slices.BinarySearchFunc(before, k, bytes.Compare); !was {
			if err := tx.set(k, nil); err != nil {
				return err
			}
		}
	}
	return nil
}
