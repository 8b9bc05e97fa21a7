package view

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"syncfs/journal/item"
	"syncfs/journal/version"
)

// Contents is a content of a file, and the dots of all its entries that have it, the lowest first.
type Contents struct {
	Content *item.Content // the latest of them
	Dots    []version.Dot
}

// ShownContents are the contents of a file: the one shown first, each of the others a conflict copy.
// There is none only where no entry ever had a content. Where presence alone keeps the file it shows what a mark
// keeps, not what somebody removed: whoever made the mark had that before him.
func ShownContents(it *item.Item) []Contents {
	fresh, marked := false, false
	for _, e := range it.Entries {
		fresh = fresh || e.Content != nil && !e.Gone
		marked = marked || e.Keeps != nil && !e.Gone
	}
	var few [4]Contents
	l := few[:0]
	for d, e := range it.Entries {
		c := e.Content
		if !fresh && marked {
			c = e.Keeps
		}
		if c != nil && !(e.Gone && (fresh || marked)) {
			l = append(l, Contents{c, []version.Dot{d}})
		}
	}
	if len(l) > 1 {
		l = unite(l)
	}
	if len(l) == 0 {
		return nil
	}
	slices.SortFunc(l, func(a, b Contents) int { return b.Content.Compare(a.Content) })
	if !fresh {
		l = l[:1]
	}
	return slices.Clone(l)
}

// unite makes equal contents one.
func unite(l []Contents) []Contents {
	slices.SortFunc(l, func(a, b Contents) int {
		if c := a.Content.Key().Compare(b.Content.Key()); c != 0 {
			return c
		}
		return a.Dots[0].Compare(b.Dots[0])
	})
	n := 0
	for _, c := range l[1:] {
		if have := &l[n]; have.Content.Key() != c.Content.Key() {
			n++
			l[n] = c
		} else {
			have.Dots = append(have.Dots, c.Dots[0])
			if have.Content.Compare(c.Content) < 0 {
				have.Content = c.Content
			}
		}
	}
	return l[:n+1]
}

// Copy is the ID of the conflict copy of an item that shows the content of the entry d: every replica
// gives it the same.
func Copy(id item.ID, d version.Dot) item.ID {
	b := append([]byte("syncfs copy\x00"), id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(d.Incarnation))
	b = binary.BigEndian.AppendUint64(b, d.Seq)
	sum := sha256.Sum256(b)
	return item.ID(sum[:len(item.ID{})])
}
