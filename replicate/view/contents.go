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
// There is none only where no entry ever had a content.
func ShownContents(it *item.Item) []Contents {
	fresh := false
	for _, e := range it.Entries {
		fresh = fresh || e.Content != nil && !e.Gone
	}
	var few [4]Contents
	l := few[:0]
	for d, e := range it.Entries {
		if e.Content != nil && !(fresh && e.Gone) {
			l = append(l, Contents{e.Content, []version.Dot{d}})
		}
	}
	if len(l) > 1 {
		l = unite(l)
	}
	switch {
	case len(l) == 0:
		return nil
	case len(l) == 1:
	case fresh:
		slices.SortFunc(l, func(a, b Contents) int { return b.Content.Compare(a.Content) })
	default:
		l[0] = latestKept(it, l)
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

// latestKept is the latest of the contents that a mark of presence names; if none is, of all.
func latestKept(it *item.Item, l []Contents) Contents {
	kept := map[item.Key]bool{}
	for _, e := range it.Entries {
		if e.Content == nil && !e.Gone {
			kept[e.Keeps] = true
		}
	}
	return slices.MaxFunc(l, func(a, b Contents) int {
		if k := kept[a.Content.Key()]; k != kept[b.Content.Key()] {
			if k {
				return 1
			}
			return -1
		}
		return a.Content.Compare(b.Content)
	})
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
