// Package item holds the replicated state of one file, symlink or directory, and its join. It is
// pure; states are values: a stored *Item is never changed, it is cloned and the clone stored.
package item

import "syncfs/journal/version"

// An ID names an item for good: 128 bits. The zero ID is the root of the folder, which is no item.
type ID [16]byte

// Root is the ID of the folder itself.
var Root ID

// A Hash is a BLAKE3-256 digest.
type Hash [32]byte

// A Content is what a file holds: bytes, named by their root hash, or a link target.
type Content struct {
	Symlink   bool
	Root      Hash   // of the chunk tree (package chunk); zero for a symlink
	Target    string // of a symlink
	Size      int64  // bytes; len(Target) for a symlink
	MTime     int64  // as it was on disk when the content was taken, nanoseconds since 1970
	Timestamp version.Timestamp
}

// A Key tells contents apart: equal keys are equal contents, whoever wrote them and when. The zero
// Key is no content.
type Key struct {
	Kind   byte // 0 none, 1 bytes, 2 symlink
	Root   Hash
	Target string
}

// An Entry is one value of an item's register: a content, or a mark of presence, which has no content
// and names the one shown when it was made (Keeps; zero for a directory). Marks are what mkdir,
// rename and changes of meta leave, so that a concurrent delete does not take the item. Gone: a
// delete has seen this entry.
type Entry struct {
	Content *Content // nil for a mark of presence
	Keeps   Key
	Gone    bool
}

// A Place says where an item is. From is the parent before the last change of parent (the root where
// there was none): a cycle of moves is undone to there.
type Place struct {
	Parent    ID
	Name      string
	From      ID
	Timestamp version.Timestamp
}

// A Register is a last-writer-wins value of meta. An empty Value of an xattr is "no such attribute"
// when Absent is set.
type Register struct {
	Value     string
	Absent    bool
	Timestamp version.Timestamp
}

// Keys of Item.Meta.
const (
	Mode  = "mode"  // permission bits and the sticky bit, octal
	MTime = "mtime" // nanoseconds since 1970, decimal
	XAttr = "user." // prefix: each user.* extended attribute under its own name
)

// An Item is the state of one file (or symlink) or directory.
type Item struct {
	ID      ID
	Dir     bool
	Context version.Vector // every dot that this state has seen of the item
	Entries map[version.Dot]Entry
	Place   Place
	Meta    map[string]Register
}
