// Package version holds the values by which replicas tell what they have seen: incarnations, dots,
// version vectors and timestamps of a hybrid logical clock. It is pure: no I/O, no clock, no
// randomness.
package version

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

// A Vector is a version vector: for each incarnation the highest sequence number seen.
type Vector map[Incarnation]uint64

// A Timestamp orders writes to one register. Time is nanoseconds since 1970 UTC of a hybrid logical
// clock, so causes come before effects whatever the clocks show; ties are broken by replica. Rank is
// 0 for what a user did and one more for each repair written down on top of it: a repair beats what
// it repairs, and loses to every later move by a user. The zero Timestamp is the oldest.
type Timestamp struct {
	Time    int64
	Replica string
	Rank    uint32
}
