// Package signature holds the stat signature of a file on disk: what tells without reading it that a
// file is still the one that its version was taken from.
package signature

import "math"

// A Signature is what stat(2) says of a file. Times are nanoseconds since 1970. The zero Signature
// stands for a file that is not there.
type Signature struct {
	Dir          bool // the number of a file that is gone may be a directory's by now
	Dev, Ino     uint64
	Size         int64
	MTime, CTime int64
}

// Nanoseconds is a time of stat(2) as signatures and items have it. What is beyond the years 1678 to 2262 does not fit,
// and is the nearest that does.
func Nanoseconds(sec, nsec int64) int64 {
	const second = 1_000_000_000
	const most = math.MaxInt64 / second
	switch {
	case sec >= most:
		return math.MaxInt64
	case sec <= -most:
		return math.MinInt64
	}
	return sec*second + nsec
}
