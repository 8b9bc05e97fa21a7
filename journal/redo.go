package journal

import (
	"encoding/binary"

	"syncfs/journal/canon"
	"syncfs/journal/item"
	"syncfs/journal/version"
)

// A session whose states are too many for one transaction is first put down whole, as a redo, then
// joined in batches; after a crash it is joined again from the start. In order:
//
//	ClearRedo; AppendRedo in as many Updates as it takes; CommitRedo; Sync;
//	EachRedo, joined in batches; ClearRedo
//
// A redo that is not committed is as good as none.

// A piece of the redo begins with a byte that no state begins with, and holds many, each after its length. What begins
// otherwise is one state.
const (
	manyStates = 0
	redoPiece  = 64 << 10 // about how long it is
)

// AppendRedo adds states to the redo.
func (tx *Tx) AppendRedo(states []*item.Item) error {
	piece := []byte{manyStates}
	for i, it := range states {
		b, err := it.MarshalBinary()
		if err != nil {
			return err
		}
		piece = append(binary.AppendUvarint(piece, uint64(len(b))), b...)
		if len(piece) < redoPiece && i < len(states)-1 {
			continue
		}
		n, err := tx.count("redo states", 1)
		if err != nil {
			return err
		}
		if err := tx.set(redoKey(n), piece); err != nil {
			return err
		}
		piece = []byte{manyStates}
	}
	return nil
}

// CommitRedo says that the redo is whole, and what the replica knows when it is joined.
func (tx *Tx) CommitRedo(knowledge version.Vector) error {
	return tx.set(singleKey("redo"), knowledge.Append(nil))
}

// Redo is the knowledge of the committed redo, and whether there is one.
func (tx *Tx) Redo() (knowledge version.Vector, ok bool, err error) {
	err = tx.single("redo", func(r *canon.Reader) {
		knowledge, ok = version.ReadVector(r, version.MaxKnowledge), true
	})
	return knowledge, ok && err == nil, err
}

// EachRedo calls fn with the states of the redo, in the order in which they were added.
func (tx *Tx) EachRedo(fn func(*item.Item) error) error {
	one := func(key, value []byte) error {
		it, err := decodeState(key, value)
		if err != nil {
			return err
		}
		return fn(it)
	}
	return tx.pairs([]byte{kindRedo}, func(key, value []byte) error {
		if len(value) == 0 || value[0] != manyStates {
			return one(key, value)
		}
		for rest := value[1:]; len(rest) > 0; {
			size, n := binary.Uvarint(rest)
			if n <= 0 || size > uint64(len(rest)-n) {
				return broken(key, ErrCorrupt)
			}
			if err := one(key, rest[n:n+int(size)]); err != nil {
				return err
			}
			rest = rest[n+int(size):]
		}
		return nil
	})
}

// clearBatch is how many pieces an Update of ClearRedo deletes.
const clearBatch = 5000

// ClearRedo forgets the redo, committed or not.
func (j *Journal) ClearRedo() error {
	// From here on there is none, whatever is left of its states.
	if err := j.Update(func(tx *Tx) error { return tx.delete(singleKey("redo")) }); err != nil {
		return err
	}
	for {
		var n int
		err := j.Update(func(tx *Tx) error {
			n = 0
			return enough(tx.keys([]byte{kindRedo}, func(key []byte) error {
				if n++; n == clearBatch {
					return errEnough
				}
				return tx.delete(key)
			}))
		})
		if err != nil || n < clearBatch {
			return err
		}
	}
}

// count draws some numbers of a counter, which begins with 1, and returns the last.
func (tx *Tx) count(name string, some uint64) (uint64, error) {
	var n uint64
	if err := tx.single(name, func(r *canon.Reader) { n = r.Uvarint(1<<64 - 2) }); err != nil {
		return 0, err
	}
	n += some
	return n, tx.set(singleKey(name), binary.AppendUvarint(nil, n))
}
