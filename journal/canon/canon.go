// Package canon reads and writes the few shapes of which syncfs's own binary formats are made: bytes,
// unsigned and signed numbers, and byte strings with their length.
//
// The encoding is canonical: one value has one encoding, and a Reader refuses every other. Numbers are
// varints of the least length, as in package encoding/binary. A Reader trusts no length it has not
// checked against its bound and against what is left to read.
package canon

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrFormat is wrapped by every error of a Reader: the bytes are not what a writer of this format
// makes.
var ErrFormat = errors.New("malformed")

// AppendString appends a byte string, its length first.
func AppendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// A Reader takes values off the front of a slice. After the first error every read gives a zero
// value; Err tells.
type Reader struct {
	b    []byte
	err  error
	last string // the last string read by Name: names of replicas repeat
}

// NewReader reads b, which it neither changes nor keeps a part of in what it returns, except for
// Bytes.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Fail makes err, said to be malformed, the reader's error if it has none yet.
func (r *Reader) Fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
	}
	r.b = nil
}

// Err is the first error.
func (r *Reader) Err() error { return r.err }

// End is the first error, or one that says that bytes are left.
func (r *Reader) End() error {
	if r.err == nil && len(r.b) > 0 {
		r.Fail("%d bytes too many", len(r.b))
	}
	return r.err
}

// Bytes reads n bytes: a part of the slice that is read, not a copy. It is nil after an error.
func (r *Reader) Bytes(n int) []byte {
	if r.err != nil || n > len(r.b) {
		r.Fail("cut short")
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if v := r.Bytes(1); v != nil {
		return v[0]
	}
	return 0
}

// Uint64 reads eight bytes, the most significant first.
func (r *Reader) Uint64() uint64 {
	if v := r.Bytes(8); v != nil {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

// Uvarint reads an unsigned number that is at most limit.
func (r *Reader) Uvarint(limit uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	switch {
	case n <= 0:
		r.Fail("no number")
		return 0
	case n > 1 && r.b[n-1] == 0:
		r.Fail("a number with leading zeros")
		return 0
	case v > limit:
		r.Fail("%d where %d is the most", v, limit)
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Varint reads a signed number.
func (r *Reader) Varint() int64 {
	v := r.Uvarint(1<<64 - 1)
	return int64(v>>1) ^ -int64(v&1)
}

// String reads a byte string of at most limit bytes.
func (r *Reader) String(limit int) string {
	return string(r.Bytes(int(r.Uvarint(uint64(limit)))))
}

// Name reads like String, and gives the same string again where one is repeated.
func (r *Reader) Name(limit int) string {
	b := r.Bytes(int(r.Uvarint(uint64(limit))))
	if string(b) != r.last {
		r.last = string(b)
	}
	return r.last
}
