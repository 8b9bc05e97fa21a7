package item

import (
	"cmp"

	"syncfs/journal/version"
)

// A Content is what a file holds: bytes, named by their root hash, or a link target. It is a value: it
// is never changed once it is in an Entry, and states share it.
type Content struct {
	Symlink   bool
	Root      Hash   // of the chunk tree (package chunk); zero for a symlink
	Target    string // of a symlink
	Size      int64  // bytes; len(Target) for a symlink
	MTime     int64  // as it was on disk when the content was taken, nanoseconds since 1970
	Timestamp version.Timestamp
}

// What a Key is of.
const (
	None  = iota // no content
	Bytes        // of a file
	Link         // target of a symlink
)

// A Key tells contents apart: equal keys are equal contents, whoever wrote them and when. The zero
// Key is no content.
type Key struct {
	Kind   byte // None, Bytes or Link
	Root   Hash
	Target string
}

// Key is what tells c from other contents.
func (c *Content) Key() Key {
	if c.Symlink {
		return Key{Kind: Link, Target: c.Target}
	}
	return Key{Kind: Bytes, Root: c.Root}
}

// Compare orders keys.
func (k Key) Compare(o Key) int {
	if c := cmp.Compare(k.Kind, o.Kind); c != 0 {
		return c
	}
	if c := k.Root.Compare(o.Root); c != 0 {
		return c
	}
	return cmp.Compare(k.Target, o.Target)
}

// Compare orders contents by when they were written; what was written at once, by any total order.
func (c *Content) Compare(o *Content) int {
	if d := c.Timestamp.Compare(o.Timestamp); d != 0 {
		return d
	}
	if d := c.Key().Compare(o.Key()); d != 0 {
		return d
	}
	if d := cmp.Compare(c.MTime, o.MTime); d != 0 {
		return d
	}
	return cmp.Compare(c.Size, o.Size)
}

// An Entry is one value of an item's register: a content, or a mark of presence, which is no content
// but keeps the one shown when it was made (Keeps; nil for a directory). Marks are what mkdir,
// rename and changes of meta leave, so that a concurrent delete does not take the item. Gone: a
// delete has seen this entry.
type Entry struct {
	Content *Content // nil for a mark of presence
	Keeps   *Content
	Gone    bool
}

// Equal tells whether two entries say the same.
func (e Entry) Equal(o Entry) bool { return e.Gone == o.Gone && e.compareValue(o) == 0 }

// compareValue orders what entries say, Gone left out. Any order will do: entries of one dot are equal,
// or somebody lies.
func (e Entry) compareValue(o Entry) int {
	if e.Content == nil && o.Content == nil {
		return compareContents(e.Keeps, o.Keeps)
	}
	return compareContents(e.Content, o.Content)
}

func compareContents(a, b *Content) int {
	switch {
	case a == b:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return a.Compare(b)
}
