// Package item holds the replicated state of one file, symlink or directory, and its join. It is
// pure; states are values: a stored *Item is never changed, it is cloned and the clone stored.
//
// The states of an item are a join-semilattice: Join is commutative, associative and idempotent, so
// replicas that have seen the same updates have the same state, in whatever order they met.
package item

import (
	"cmp"
	"maps"
	"strconv"

	"syncfs/journal/version"
)

// A Place says where an item is. From is the parent before the last change of parent (the root where
// there was none): a cycle of moves is undone to there.
type Place struct {
	Parent    ID
	Name      string
	From      ID
	Timestamp version.Timestamp
}

// Compare orders places: the latest has its way. Equal timestamps on different places come only from
// two write-downs of one repair seen differently; any total order will do for them.
func (p Place) Compare(o Place) int {
	if c := p.Timestamp.Compare(o.Timestamp); c != 0 {
		return c
	}
	if c := p.Parent.Compare(o.Parent); c != 0 {
		return c
	}
	if c := cmp.Compare(p.Name, o.Name); c != 0 {
		return c
	}
	return p.From.Compare(o.From)
}

// A Register is a last-writer-wins value of meta: mode, mtime, the link group, extended attributes. Absent: there is no such attribute, and Value is
// empty.
type Register struct {
	Value     string
	Absent    bool
	Timestamp version.Timestamp
}

// Compare orders registers: the latest has its way.
func (r Register) Compare(o Register) int {
	if c := r.Timestamp.Compare(o.Timestamp); c != 0 {
		return c
	}
	if r.Absent != o.Absent {
		if r.Absent {
			return -1
		}
		return 1
	}
	return cmp.Compare(r.Value, o.Value)
}

// Keys of Item.Meta.
const (
	Mode  = "mode"  // permission bits and the sticky bit, octal
	MTime = "mtime" // nanoseconds since 1970, decimal
	Group = "link"  // the link group: 32 hexadecimal digits; of files alone
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

// New is an item that nothing was done to yet.
func New(id ID, dir bool) *Item {
	return &Item{ID: id, Dir: dir, Context: version.Vector{}, Entries: map[version.Dot]Entry{}, Meta: map[string]Register{}}
}

// Clone is a copy that may be changed.
func (it *Item) Clone() *Item {
	n := New(it.ID, it.Dir)
	n.Place = it.Place
	maps.Copy(n.Context, it.Context)
	maps.Copy(n.Entries, it.Entries)
	maps.Copy(n.Meta, it.Meta)
	return n
}

// Live tells whether some entry is left that no delete has seen. An item that is not live is a
// tombstone; it is kept for good.
func (it *Item) Live() bool {
	for _, e := range it.Entries {
		if !e.Gone {
			return true
		}
	}
	return false
}

// Equal tells whether two states are the same.
func (it *Item) Equal(o *Item) bool {
	return it == o || it.ID == o.ID && it.Dir == o.Dir && it.Place == o.Place && it.Context.Equal(o.Context) &&
		maps.EqualFunc(it.Entries, o.Entries, Entry.Equal) && maps.Equal(it.Meta, o.Meta)
}

// ShownMTime is the modification time of a file that shows c: that of the content, unless it was set
// later.
func (it *Item) ShownMTime(c *Content) int64 {
	if r, ok := it.Meta[MTime]; ok && !r.Absent && c.Timestamp.Compare(r.Timestamp) < 0 {
		if t, err := strconv.ParseInt(r.Value, 10, 64); err == nil {
			return t
		}
	}
	return c.MTime
}
