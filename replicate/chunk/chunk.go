package chunk

import (
	"context"
	"errors"

	"github.com/zeebo/blake3"

	"syncfs/journal/item"
)

// Bounds of the length of a chunk. Only the last of a content may be shorter than Min.
const (
	Min = 16 << 10
	Avg = 64 << 10
	Max = 256 << 10
)

// MaxSize bounds the size of a content.
const MaxSize = 1 << 50

// Hash is the hash of a chunk, of a node, or of a root: of a whole content.
type Hash = item.Hash

// A Chunk is a run of bytes of a content.
type Chunk struct {
	Hash Hash
	Size int
}

// ErrGone says that a chunk is not to be had: no file here holds these bytes (any more).
var ErrGone = errors.New("chunk is gone")

// A Source has chunks. ReadChunk returns bytes whose hash is h, which the caller may keep, or an error
// that wraps ErrGone. It may be called by several at once.
type Source interface {
	ReadChunk(ctx context.Context, h Hash) ([]byte, error)
}

// Sum returns the hash of a chunk that holds data.
func Sum(data []byte) Hash { return blake3.Sum256(data) }
