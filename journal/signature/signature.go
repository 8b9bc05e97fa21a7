// Package signature holds the stat signature of a file on disk: what tells without reading it that a
// file is still the one that its version was taken from.
package signature

// A Signature is what stat(2) says of a file. Times are nanoseconds since 1970. The zero Signature
// stands for a file that is not there.
type Signature struct {
	Dir          bool // the number of a file that is gone may be a directory's by now
	Dev, Ino     uint64
	Size         int64
	MTime, CTime int64
}
