package journal

import (
	"encoding/binary"
	"math"
	"slices"

	"syncfs/journal/canon"
	"syncfs/journal/item"
)

// ShownCount is how many entries are shown in a directory.
func (tx *Tx) ShownCount(dir item.ID) (int, error) {
	key := countKey(dir)
	b, err := tx.get(key)
	if b == nil || err != nil {
		return 0, err
	}
	var n uint64
	err = decode(key, b, func(r *canon.Reader) { n = r.Uvarint(math.MaxInt32) })
	return int(n), err
}

// SetShownCount says what ShownCount is; it is not below 0.
func (tx *Tx) SetShownCount(dir item.ID, n int) error {
	if n == 0 {
		return tx.delete(countKey(dir))
	}
	return tx.set(countKey(dir), binary.AppendUvarint(nil, uint64(n)))
}

// Undone is the parent under which a directory of a cycle is shown, and whether it is of one.
func (tx *Tx) Undone(id item.ID) (parent item.ID, ok bool, err error) {
	key := undoneKey(id)
	b, err := tx.get(key)
	if b == nil || err != nil {
		return parent, false, err
	}
	err = decode(key, b, func(r *canon.Reader) { copy(parent[:], r.Bytes(len(parent))) })
	return parent, err == nil, err
}

// SetUndone says what Undone is.
func (tx *Tx) SetUndone(id, parent item.ID) error { return tx.set(undoneKey(id), parent[:]) }

// DeleteUndone says that the directory is shown in its place.
func (tx *Tx) DeleteUndone(id item.ID) error { return tx.delete(undoneKey(id)) }

// EachUndone calls fn with every directory that is shown elsewhere than in its place, and where.
func (tx *Tx) EachUndone(fn func(id, parent item.ID) error) error {
	return tx.pairs([]byte{kindUndone}, func(key, value []byte) error {
		var parent item.ID
		if err := decode(key, value, func(r *canon.Reader) { copy(parent[:], r.Bytes(len(parent))) }); err != nil {
			return err
		}
		id, err := tailID(key)
		if err != nil {
			return err
		}
		return fn(id, parent)
	})
}

// maxMerged is how many directories may be shown as one.
const maxMerged = 1 << 16

// Merged are the directories that are shown as one node with a directory, as they were set.
func (tx *Tx) Merged(id item.ID) ([]item.ID, error) {
	key := mergedKey(id)
	b, err := tx.get(key)
	if b == nil || err != nil {
		return nil, err
	}
	var ids []item.ID
	err = decode(key, b, func(r *canon.Reader) { ids = readIDs(r, maxMerged) })
	return ids, err
}

// SetMerged says what Merged is.
func (tx *Tx) SetMerged(id item.ID, ids []item.ID) error {
	if len(ids) == 0 {
		return tx.delete(mergedKey(id))
	}
	return tx.set(mergedKey(id), appendIDs(nil, ids))
}

func appendIDs(b []byte, ids []item.ID) []byte {
	b = binary.AppendUvarint(slices.Grow(b, 2+16*len(ids)), uint64(len(ids)))
	for _, id := range ids {
		b = append(b, id[:]...)
	}
	return b
}

func readIDs(r *canon.Reader, limit uint64) []item.ID {
	n := int(r.Uvarint(limit))
	ids := make([]item.ID, 0, min(n, 64))
	for range n {
		b := r.Bytes(len(item.ID{}))
		if b == nil {
			return nil
		}
		ids = append(ids, item.ID(b))
	}
	return ids
}
