package journal

import (
	"fmt"

	"syncfs/journal/canon"
	"syncfs/journal/item"
)

// Copy is the item of which a content has this ID as a conflict copy, and whether there is one.
func (tx *Tx) Copy(id item.ID) (of item.ID, ok bool, err error) {
	key := copyKey(id)
	b, err := tx.get(key)
	if b == nil || err != nil {
		return of, false, err
	}
	err = decode(key, b, func(r *canon.Reader) { copy(of[:], r.Bytes(len(of))) })
	return of, err == nil, err
}

// PutCopy says what Copy is.
func (tx *Tx) PutCopy(id, of item.ID) error { return tx.set(copyKey(id), of[:]) }

// DeleteCopy says that there is none.
func (tx *Tx) DeleteCopy(id item.ID) error { return tx.delete(copyKey(id)) }

// NoteConflict says whether a family of names in a directory shows a conflict.
func (tx *Tx) NoteConflict(dir item.ID, family string, open bool) error {
	key := conflictKey(dir, family)
	if b, err := tx.get(key); err != nil || open == (b != nil) {
		return err
	}
	return tx.mark(key, open)
}

// EachConflict calls fn with every family that shows a conflict.
func (tx *Tx) EachConflict(fn func(dir item.ID, family string) error) error {
	return tx.keys([]byte{kindConflict}, func(key []byte) error {
		const head = 1 + len(item.ID{})
		if len(key) < head {
			return fmt.Errorf("journal: key %x: %w: cut short", key, ErrCorrupt)
		}
		return fn(item.ID(key[1:head]), string(key[head:]))
	})
}
