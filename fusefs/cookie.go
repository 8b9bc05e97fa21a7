package fusefs

import (
	"cmp"
	"hash/maphash"
	"slices"

	"syncfs/journal/step"
)

// absentOffset is before the first absent file of a directory. Filesystems number entries below it (the
// hash that ext4 takes for an offset is never so high), but may give lastOffset to the end.
const (
	absentOffset = 0x7fffffff << 32
	lastOffset   = 1<<63 - 1
)

// cookies give absent files the offsets by which a listing of their directory goes on: those of their names, whatever
// comes and goes meanwhile. The seed keeps a peer from choosing names of one offset.
type cookies struct{ seed maphash.Seed }

// A cookie is an absent file in a listing.
type cookie struct {
	offset uint64
	name   string
}

// of is the files of one directory in the order of a listing.
func (c cookies) of(files []step.Stat) []cookie {
	all := make([]cookie, len(files))
	for i, f := range files {
		all[i] = cookie{absentOffset + 1 + maphash.String(c.seed, f.Name)%(lastOffset-absentOffset-1), f.Name}
	}
	slices.SortFunc(all, func(a, b cookie) int {
		return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.name, b.name))
	})
	return all
}
