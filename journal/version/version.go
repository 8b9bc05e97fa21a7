// Package version holds the values by which replicas tell what they have seen: incarnations, dots,
// version vectors and timestamps of a hybrid logical clock. It is pure: no I/O, no clock, no
// randomness.
//
// # Encoding
//
// In the words of package canon; a Vector in the order of its incarnations, without zeros:
//
//	Dot        incarnation: 8 bytes, seq: uvarint, not 0
//	Vector     count: uvarint, then that many dots
//	Timestamp  time: uvarint, replica: string of at most 32 bytes, rank: uvarint
package version

import (
	"cmp"
	"encoding/binary"

	"syncfs/journal/canon"
)

// An Incarnation names one run of one replica's history: 64 random bits, drawn at the first change
// after each start of the daemon, so that a restored or copied journal never reuses a dot.
type Incarnation uint64

// Provisional is the incarnation of local changes that no session has stamped yet. Its dots never
// leave the machine.
const Provisional Incarnation = 0

// A Dot is one update: the Seq-th of an incarnation, counted from 1.
type Dot struct {
	Incarnation Incarnation
	Seq         uint64
}

// Compare orders dots by incarnation, then by number: an order that means nothing but is the same on
// every replica.
func (d Dot) Compare(e Dot) int {
	if c := cmp.Compare(d.Incarnation, e.Incarnation); c != 0 {
		return c
	}
	return cmp.Compare(d.Seq, e.Seq)
}

// Append appends the encoding of d.
func (d Dot) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(d.Incarnation))
	return binary.AppendUvarint(b, d.Seq)
}

// ReadDot reads a dot.
func ReadDot(r *canon.Reader) Dot {
	d := Dot{Incarnation(r.Uint64()), r.Uvarint(1<<64 - 1)}
	if d.Seq == 0 {
		r.Fail("a dot of number 0")
	}
	return d
}
