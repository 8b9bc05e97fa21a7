// Package step holds the words of a disk step: one change that the replicator makes to the folder, and
// what it asks about it. Paths are those of package change: relative to the folder, "/" between names,
// "" the folder itself.
//
// A step names what it expects to find by its stat signature. What is found instead is a program's work
// that the journal has not seen: the step then leaves everything as it is and says ErrChanged.
package step

import (
	"errors"

	"syncfs/journal/signature"
)

// What a step ends with when a program was there first. Any other refusal is the errno of the
// underlying filesystem.
var (
	// ErrChanged: what is on disk has not the signature that the step expects.
	ErrChanged = errors.New("changed on disk since it was last seen")
	// ErrBusy: a program is writing to the file.
	ErrBusy = errors.New("being written by a program")
)

// A Kind is the kind of a directory entry.
type Kind uint8

// The kinds of entry. Other is what is not replicated: fifo, socket, device.
const (
	File Kind = iota + 1
	Dir
	Symlink
	Other
)

// A Stat is what lstat(2) says of an entry. Name is the last name of its path. Mode holds the twelve
// permission bits alone. The Signature of an absent file has its size and mtime and no inode.
type Stat struct {
	Name      string
	Kind      Kind
	Mode      uint32
	Nlink     uint64
	UID, GID  uint32
	Rdev      uint64
	Signature signature.Signature
}

// An Attr is a change of attributes; what is zero or nil is left as it is.
type Attr struct {
	Mode   *uint32            // the permission bits
	MTime  *int64             // nanoseconds since 1970
	XAttrs map[string]*string // by full name, "user." included; nil removes
}
