package version

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"

	"syncfs/journal/canon"
)

// A Vector is a version vector: for each incarnation the highest sequence number seen. A number 0 is
// as good as none.
type Vector map[Incarnation]uint64

// MaxKnowledge is how many incarnations the knowledge of a replica may name.
const MaxKnowledge = 1 << 20

// Has tells whether v has seen d.
func (v Vector) Has(d Dot) bool { return v[d.Incarnation] >= d.Seq }

// Covers tells whether v has seen all that w has.
func (v Vector) Covers(w Vector) bool {
	for i, s := range w {
		if v[i] < s {
			return false
		}
	}
	return true
}

// Equal tells whether v and w have seen the same.
func (v Vector) Equal(w Vector) bool { return v.Covers(w) && w.Covers(v) }

// Clone is a copy of v; never nil.
func (v Vector) Clone() Vector {
	if v == nil {
		return Vector{}
	}
	return maps.Clone(v)
}

// Join is a new vector that has seen what either has.
func (v Vector) Join(w Vector) Vector {
	n := v.Clone()
	for i, s := range w {
		if n[i] < s {
			n[i] = s
		}
	}
	return n
}

// Digest tells vectors apart in few bytes: equal vectors have equal digests.
func (v Vector) Digest() [32]byte { return sha256.Sum256(v.Append(nil)) }

// Append appends the encoding of v.
func (v Vector) Append(b []byte) []byte {
	var few [8]Incarnation
	in := few[:0]
	for i, s := range v {
		if s > 0 {
			in = append(in, i)
		}
	}
	slices.Sort(in)
	b = binary.AppendUvarint(b, uint64(len(in)))
	for _, i := range in {
		b = Dot{i, v[i]}.Append(b)
	}
	return b
}

// ReadVector reads a vector of at most limit incarnations.
func ReadVector(r *canon.Reader, limit int) Vector {
	n := int(r.Uvarint(uint64(limit)))
	v := make(Vector, min(n, 64))
	var last Incarnation
	for i := 0; i < n && r.Err() == nil; i++ {
		d := ReadDot(r)
		if i > 0 && d.Incarnation <= last {
			r.Fail("incarnations out of order")
		}
		v[d.Incarnation], last = d.Seq, d.Incarnation
	}
	return v
}

// DecodeVector decodes what Append made of the knowledge of a replica.
func DecodeVector(b []byte) (Vector, error) {
	r := canon.NewReader(b)
	v := ReadVector(r, MaxKnowledge)
	if err := r.End(); err != nil {
		return nil, err
	}
	return v, nil
}
