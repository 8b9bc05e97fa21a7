package chunk

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/zeebo/blake3"
)

var (
	nodes = newHashers("syncfs 2026 chunk tree node 1")
	roots = newHashers("syncfs 2026 chunk tree root 1")
)

// Bounds of a tree. A level has at most half as many entries as the one below, so the height of a tree
// over the chunks of MaxSize bytes is within maxHeight.
const (
	minEntries = 2
	maxEntries = 128
	boundary   = 8 // a node ends after a hash whose last byte is below: 32 entries on average
	maxHeight  = 32
)

// An Entry is what a node has below it: a chunk, or a node of one height less.
type Entry struct {
	Hash Hash
	Size int64
}

// A Node is an inner node of a content's tree, or its root. The entries of a node of height 1 are chunks.
type Node struct {
	Height  int
	Entries []Entry
}

// Size is the number of bytes of content below the node.
func (n Node) Size() int64 {
	var size int64
	for _, e := range n.Entries {
		size += e.Size
	}
	return size
}

// MaxNode bounds the length of an encoded node.
const MaxNode = 1 + maxEntries*nodeEntry

const nodeEntry = len(Hash{}) + 8

func (n Node) append(b []byte) []byte {
	b = append(b, byte(n.Height))
	for _, e := range n.Entries {
		b = append(b, e.Hash[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(e.Size))
	}
	return b
}

// MarshalBinary returns the encoding of the node.
func (n Node) MarshalBinary() ([]byte, error) {
	return n.append(make([]byte, 0, 1+len(n.Entries)*nodeEntry)), nil
}

// ParseRoot returns the node encoded as b, which must be that of the given root hash.
func ParseRoot(root Hash, b []byte) (Node, error) { return parse(root, b, roots) }

// ParseNode returns the node encoded as b, which must be that of the given hash. It is the child of a
// node of height+1 that says it has size bytes below it.
func ParseNode(hash Hash, size int64, height int, b []byte) (Node, error) {
	n, err := parse(hash, b, nodes)
	if err == nil && (n.Height != height || n.Size() != size) {
		err = fmt.Errorf("%w: node %s has height %d and %d bytes, its parent says %d and %d",
			ErrInvalid, short(hash), n.Height, n.Size(), height, size)
	}
	return n, err
}

func parse(hash Hash, b []byte, of *hashers) (Node, error) {
	if len(b) == 0 || len(b) > MaxNode || (len(b)-1)%nodeEntry != 0 {
		return Node{}, fmt.Errorf("%w: node %s of %d bytes", ErrInvalid, short(hash), len(b))
	}
	if of.sum(b) != hash {
		return Node{}, fmt.Errorf("%w: what was sent as node %s has another hash", ErrInvalid, short(hash))
	}
	n := Node{Height: int(b[0])}
	if n.Height < 1 || n.Height > maxHeight {
		return Node{}, fmt.Errorf("%w: node %s of height %d", ErrInvalid, short(hash), n.Height)
	}
	var total int64
	for b = b[1:]; len(b) > 0; b = b[nodeEntry:] {
		size := binary.BigEndian.Uint64(b[len(Hash{}):])
		last := len(b) == nodeEntry
		if size < 1 || size > MaxSize || size < Min && !last || size > Max && n.Height == 1 {
			return Node{}, fmt.Errorf("%w: an entry of node %s has %d bytes", ErrInvalid, short(hash), size)
		}
		if total += int64(size); total > MaxSize {
			return Node{}, fmt.Errorf("%w: node %s has over %d bytes", ErrInvalid, short(hash), int64(MaxSize))
		}
		n.Entries = append(n.Entries, Entry{Hash: Hash(b[:len(Hash{})]), Size: int64(size)})
	}
	return n, nil
}

func short(h Hash) string { return fmt.Sprintf("%x", h[:6]) }

// hashers hash nodes of one kind. One of them is 10 KiB, and there is a root of each small file: so they are
// used again.
type hashers struct{ idle sync.Pool }

func newHashers(purpose string) *hashers {
	return &hashers{sync.Pool{New: func() any { return blake3.NewDeriveKey(purpose) }}}
}

func (h *hashers) sum(b []byte) (sum Hash) {
	one := h.idle.Get().(*blake3.Hasher)
	defer h.idle.Put(one)
	one.Reset()
	one.Write(b)
	one.Sum(sum[:0])
	return sum
}
