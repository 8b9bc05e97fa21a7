package version

import (
	"cmp"
	"encoding/binary"
	"math"

	"syncfs/journal/canon"
)

// A Timestamp orders writes to one register. Time is nanoseconds since 1970 UTC of a hybrid logical
// clock, so causes come before effects whatever the clocks show; ties are broken by replica. Rank is
// 0 for what a user did and one more for each repair written down on top of it: a repair beats what
// it repairs, and loses to every later move by a user. The zero Timestamp is the oldest; Time is
// never negative.
type Timestamp struct {
	Time    int64
	Replica string
	Rank    uint32
}

// MaxReplica is the length of the longest name of a replica.
const MaxReplica = 32

// Compare is negative where t is older than u, and 0 only where they are equal.
func (t Timestamp) Compare(u Timestamp) int {
	if c := cmp.Compare(t.Time, u.Time); c != 0 {
		return c
	}
	if c := cmp.Compare(t.Replica, u.Replica); c != 0 {
		return c
	}
	return cmp.Compare(t.Rank, u.Rank)
}

// Append appends the encoding of t.
func (t Timestamp) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(t.Time))
	b = canon.AppendString(b, t.Replica)
	return binary.AppendUvarint(b, uint64(t.Rank))
}

// ReadTimestamp reads a timestamp. What the replica's name is made of is not looked at.
func ReadTimestamp(r *canon.Reader) Timestamp {
	return Timestamp{
		Time:    int64(r.Uvarint(math.MaxInt64)),
		Replica: r.Name(MaxReplica),
		Rank:    uint32(r.Uvarint(math.MaxUint32)),
	}
}
