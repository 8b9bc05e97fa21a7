package disk

import (
	"os"

	"syncfs/journal/signature"
	"syncfs/journal/step"
)

// A Disk is the folder underneath, changed so that programs see each step whole. Paths are those of
// package change. Its methods may be called by several at once; none keeps a lock when it returns, and
// none waits for the journal or a peer.
//
// Each step returns the order number of the last change recorded before it took effect (0 where nothing
// records): what a program did before it is journaled before the step is. A step that finds something
// else than the signature it was given changes nothing: step.ErrChanged, or step.ErrBusy where a program
// has the file open for writing. Any other error is that of the underlying filesystem.
type Disk interface {
	// Stat is lstat(2).
	Stat(path string) (step.Stat, error)
	// List is the entries of a directory, in any order, without .syncfs.
	List(path string) ([]step.Stat, error)
	// Open opens a regular file for reading, underneath and following no symlink.
	Open(path string) (*os.File, error)
	// Read is up to limit bytes at an offset of a regular file, underneath and following no symlink.
	Read(path string, offset, limit int64) ([]byte, error)
	Readlink(path string) (string, error)
	// XAttrs is the user.* attributes by full name.
	XAttrs(path string) (map[string]string, error)

	// Place renames the entry of .syncfs/staging named staged over path. Old is what is there now: nothing
	// where it is zero. What is replaced goes to trash first.
	Place(staged, path string, old signature.Signature) (step.Stat, uint64, error)
	// Link makes the file at from, which has the signature sig, an entry of .syncfs/staging as well, to be placed
	// as a further name of it. No program sees that.
	Link(from, staged string, sig signature.Signature) error
	// Move renames what has the signature sig; to must be free.
	Move(from, to string, sig signature.Signature) (step.Stat, uint64, error)
	// Exchange has what has the signature sig at from and what has other at to change places: programs see both move at
	// once. There is now what is at to by then, and back what is at from. EINVAL: one is in the other, or the filesystem
	// can't do that.
	Exchange(from, to string, sig, other signature.Signature) (there, back step.Stat, order uint64, err error)
	// Remove puts a file or symlink into trash; an empty directory is removed.
	Remove(path string, sig signature.Signature) (uint64, error)
	// Attr sets attributes; no change is recorded.
	Attr(path string, sig signature.Signature, a step.Attr) (step.Stat, uint64, error)

	// Durable returns when what was done to the entries of the directories at these paths, and to the attributes
	// of what else is there, is on disk; without paths, all that was done in the folder.
	Durable(paths []string) error

	// Freeze runs f while no name of the folder changes.
	Freeze(f func() error) error
	// Invalidate has the kernel forget what it knows of path: an absent file appeared, changed or
	// vanished there.
	Invalidate(path string)
}
