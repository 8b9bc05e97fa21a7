package chunk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
)

// A List is a content as the sequence of its chunks. The empty list is the empty content. A list is a
// value: who holds one doesn't change it.
type List []Chunk

// Size is the size of the content.
func (l List) Size() int64 {
	var size int64
	for _, c := range l {
		size += int64(c.Size)
	}
	return size
}

// All yields each chunk with its offset in the content.
func (l List) All() iter.Seq2[int64, Chunk] {
	return func(yield func(int64, Chunk) bool) {
		var offset int64
		for _, c := range l {
			if !yield(offset, c) {
				return
			}
			offset += int64(c.Size)
		}
	}
}

// ErrInvalid says that bytes are not the encoding of a list or node.
var ErrInvalid = errors.New("invalid chunk list")

// A list is encoded as its version and, for each chunk, its hash and size (big-endian): one list has one
// encoding.
const (
	listVersion = 1
	listEntry   = len(Hash{}) + 4
)

// MarshalBinary returns the encoding of the list.
func (l List) MarshalBinary() ([]byte, error) {
	b := make([]byte, 0, 1+len(l)*listEntry)
	b = append(b, listVersion)
	for _, c := range l {
		b = append(b, c.Hash[:]...)
		b = binary.BigEndian.AppendUint32(b, uint32(c.Size))
	}
	return b, nil
}

// Unmarshal is the inverse of MarshalBinary. What it accepts is within the bounds of the format.
func Unmarshal(b []byte) (List, error) {
	if len(b) == 0 || b[0] != listVersion || (len(b)-1)%listEntry != 0 {
		return nil, fmt.Errorf("%w: %d bytes", ErrInvalid, len(b))
	}
	b = b[1:]
	l := make(List, len(b)/listEntry)
	for i := range l {
		e := b[i*listEntry:]
		size := binary.BigEndian.Uint32(e[len(Hash{}):])
		l[i] = Chunk{Hash: Hash(e[:len(Hash{})]), Size: int(min(size, Max+1))}
	}
	return l, l.check()
}

// check says what in the list is out of bounds.
func (l List) check() error {
	for i, c := range l {
		if c.Size > Max || c.Size < 1 || (c.Size < Min && i < len(l)-1) {
			return fmt.Errorf("%w: chunk %d of %d has %d bytes", ErrInvalid, i, len(l), c.Size)
		}
	}
	if size := l.Size(); size > MaxSize {
		return fmt.Errorf("%w: %d bytes in all", ErrInvalid, size)
	}
	return nil
}
