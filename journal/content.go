package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"syncfs/journal/canon"
	"syncfs/journal/item"
	"syncfs/journal/signature"
)

// listPiece is how much of a chunk list one key holds.
const listPiece = 256 << 10

// PutList keeps the chunk list of a content, which the journal does not look into. One that is too
// large for the transaction is put with Journal.PutList.
func (tx *Tx) PutList(root item.Hash, list []byte) error {
	head, pieces := cutList(list)
	for i, p := range pieces {
		if err := tx.set(listPieceKey(root, uint32(i)), p); err != nil {
			return err
		}
	}
	return tx.set(listKey(root), head)
}

// PutList is Tx.PutList for a list of any size, in Updates of its own. It is there whole or not at
// all.
func (j *Journal) PutList(root item.Hash, list []byte) error {
	head, pieces := cutList(list)
	for i, p := range pieces {
		if err := j.Update(func(tx *Tx) error { return tx.set(listPieceKey(root, uint32(i)), p) }); err != nil {
			return err
		}
	}
	// The head comes last: without it the pieces do not count.
	return j.Update(func(tx *Tx) error { return tx.set(listKey(root), head) })
}

// cutList: the head says how many pieces there are, and holds what comes before them.
func cutList(list []byte) (head []byte, pieces [][]byte) {
	first := list[:min(len(list), listPiece)]
	for rest := list[len(first):]; len(rest) > 0; {
		n := min(len(rest), listPiece)
		pieces, rest = append(pieces, rest[:n:n]), rest[n:]
	}
	return append(binary.AppendUvarint(nil, uint64(len(pieces))), first...), pieces
}

// List is the chunk list of a content, nil where there is none.
func (tx *Tx) List(root item.Hash) ([]byte, error) {
	n, list, err := tx.listHead(root)
	if list == nil || err != nil {
		return nil, err
	}
	for i := range n {
		p, err := tx.get(listPieceKey(root, i))
		if err != nil {
			return nil, err
		}
		if p == nil {
			return nil, fmt.Errorf("journal: chunk list %s: %w: piece %d of %d is not there", root, ErrCorrupt, i, n)
		}
		list = append(list, p...)
	}
	return list, nil
}

// DeleteList forgets the chunk list of a content.
func (tx *Tx) DeleteList(root item.Hash) error {
	n, list, err := tx.listHead(root)
	if list == nil || err != nil {
		return err
	}
	for i := range n {
		if err := tx.delete(listPieceKey(root, i)); err != nil {
			return err
		}
	}
	return tx.delete(listKey(root))
}

func (tx *Tx) listHead(root item.Hash) (pieces uint32, first []byte, err error) {
	key := listKey(root)
	b, err := tx.get(key)
	if b == nil || err != nil {
		return 0, nil, err
	}
	n, at := binary.Uvarint(b)
	if at <= 0 || n > math.MaxUint32 {
		return 0, nil, broken(key, canon.ErrFormat)
	}
	return uint32(n), bytes.Clone(b[at:]), nil
}

// A Location is where a chunk is found: in a content, from Offset on.
type Location struct {
	Root   item.Hash
	Offset int64
	Length int
}

// maxLocations is how many of a chunk are of use: the first that still has it will do.
const maxLocations = 16

// PutChunk says that a chunk is found there.
func (tx *Tx) PutChunk(hash item.Hash, at Location) error {
	return tx.set(chunkKey(hash, at), binary.AppendUvarint(nil, uint64(at.Length)))
}

// DeleteChunk says that it is not.
func (tx *Tx) DeleteChunk(hash item.Hash, at Location) error { return tx.delete(chunkKey(hash, at)) }

// Chunk is where a chunk is found: at most 16 places.
func (tx *Tx) Chunk(hash item.Hash) ([]Location, error) {
	var at []Location
	err := tx.pairs(chunkPrefix(hash), func(key, value []byte) error {
		l, err := parseChunk(key, value)
		if err != nil {
			return err
		}
		if at = append(at, l); len(at) == maxLocations {
			return errEnough
		}
		return nil
	})
	return at, enough(err)
}

func parseChunk(key, value []byte) (l Location, err error) {
	const head = 1 + len(item.Hash{})
	if len(key) != head+len(l.Root)+8 {
		return l, fmt.Errorf("journal: key %x: %w", key, ErrCorrupt)
	}
	l.Root = item.Hash(key[head : head+len(l.Root)])
	l.Offset = int64(binary.BigEndian.Uint64(key[head+len(l.Root):]))
	err = decode(key, value, func(r *canon.Reader) { l.Length = int(r.Uvarint(math.MaxInt32)) })
	return l, err
}

// PutWanted says that an item wants a content.
func (tx *Tx) PutWanted(root item.Hash, id item.ID) error { return tx.set(wantedKey(root, id), nil) }

// DeleteWanted says that it does not.
func (tx *Tx) DeleteWanted(root item.Hash, id item.ID) error {
	return tx.delete(wantedKey(root, id))
}

// Wants tells whether an item wants a content.
func (tx *Tx) Wants(root item.Hash, id item.ID) (bool, error) {
	b, err := tx.get(wantedKey(root, id))
	return b != nil, err
}

// Wanted are the items that want a content.
func (tx *Tx) Wanted(root item.Hash) ([]item.ID, error) {
	var ids []item.ID
	err := tx.wanted(wantedPrefix(root), func(_ item.Hash, id item.ID) error {
		ids = append(ids, id)
		return nil
	})
	return ids, err
}

// EachWanted calls fn with every content that is wanted and each item that wants it.
func (tx *Tx) EachWanted(fn func(root item.Hash, id item.ID) error) error {
	return tx.wanted([]byte{kindWanted}, fn)
}

func (tx *Tx) wanted(prefix []byte, fn func(item.Hash, item.ID) error) error {
	return tx.keys(prefix, func(key []byte) error {
		const head = 1 + len(item.Hash{})
		if len(key) != head+len(item.ID{}) {
			return fmt.Errorf("journal: key %x: %w", key, ErrCorrupt)
		}
		return fn(item.Hash(key[1:head]), item.ID(key[head:]))
	})
}

// A Staged is a content that lies whole in staging, under a name there.
type Staged struct {
	Root      item.Hash
	Name      string
	Signature signature.Signature
}

// PutStaged says where a content lies.
func (tx *Tx) PutStaged(s Staged) error {
	return tx.set(stagedKey(s.Root), appendSignature(canon.AppendString(nil, s.Name), s.Signature))
}

// Staged is where a content lies, nil where it is not staged.
func (tx *Tx) Staged(root item.Hash) (*Staged, error) {
	key := stagedKey(root)
	b, err := tx.get(key)
	if b == nil || err != nil {
		return nil, err
	}
	s, err := decodeStaged(key, b)
	return &s, err
}

// DeleteStaged says that a content is staged no longer.
func (tx *Tx) DeleteStaged(root item.Hash) error { return tx.delete(stagedKey(root)) }

// EachStaged calls fn with all that is staged.
func (tx *Tx) EachStaged(fn func(Staged) error) error {
	return tx.pairs([]byte{kindStaged}, func(key, value []byte) error {
		s, err := decodeStaged(key, value)
		if err != nil {
			return err
		}
		return fn(s)
	})
}

func decodeStaged(key, value []byte) (s Staged, err error) {
	if len(key) != 1+len(s.Root) {
		return s, fmt.Errorf("journal: key %x: %w", key, ErrCorrupt)
	}
	s.Root = item.Hash(key[1:])
	err = decode(key, value, func(r *canon.Reader) {
		s.Name = r.String(255)
		s.Signature = readSignature(r)
	})
	return s, err
}
