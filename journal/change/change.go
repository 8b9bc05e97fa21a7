// Package change holds the words in which the filesystem tells what a program did to the folder, after
// it was done. A path is relative to the folder, "/" between names, without a leading slash; "" is the
// folder itself. Changes are recorded in the order in which they took effect on disk: a path is that of
// the moment of the change.
package change

import "syncfs/journal/step"

// A Kind says what was done.
type Kind uint8

// The kinds of change.
const (
	Create   Kind = iota + 1 // Path: a new regular file; what is written to it follows as Dirty and Settled
	Mkdir                    // Path: a new directory
	Symlink                  // Path: a new symlink
	Link                     // Path: a new name (To) of the file or symlink at Path
	Unlink                   // Path: a file or symlink, gone
	Rmdir                    // Path: a directory, gone
	Rename                   // Path to To; a file or empty directory at To was replaced
	Exchange                 // Path and To changed places
	Attr                     // Path: mode, mtime or a user.* attribute was set
	Dirty                    // Path: a program began to write; nothing is to be read until Settled
	Settled                  // Path: closed by every writer, or still for 2 s; Ranges were written since the last Settled
)

// A Range is a run of bytes of a file.
type Range struct{ Offset, Length int64 }

// A Change is one thing done. Local: the entry is of a kind that is not replicated (fifo, socket,
// device).
//
// What was made is told with it: by the time that a change is journaled something else may be at its path.
type Change struct {
	Kind   Kind
	Path   string
	To     string
	Local  bool
	Gone   uint64     // Unlink, Rmdir, Rename: the inode of what is gone; 0 where nothing is, or it is not known
	Made   *step.Stat // Create, Mkdir, Symlink, Link: of what is there now; nil where it is Local
	Target string     // Symlink, and Link of one: where it leads
	Ranges []Range    // Settled: sorted, disjoint
	Whole  bool       // Settled: anything may have changed (truncated, mapped, passthrough); Ranges is nil
}
