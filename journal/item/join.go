package item

import (
	"maps"

	"syncfs/journal/version"
)

// Join is the least upper bound of two states of one item, a new one: of the entries what both hold,
// or one holds and the other's context has not seen; gone if gone in either; of place and of each
// register of meta the latest.
func Join(a, b *Item) *Item {
	n := &Item{
		ID:      a.ID,
		Dir:     a.Dir,
		Context: a.Context.Join(b.Context),
		Entries: make(map[version.Dot]Entry, max(len(a.Entries), len(b.Entries))),
		Place:   a.Place,
		Meta:    make(map[string]Register, max(len(a.Meta), len(b.Meta))),
	}
	for d, e := range a.Entries {
		if o, both := b.Entries[d]; both {
			n.Entries[d] = joinEntries(e, o)
		} else if !b.Context.Has(d) {
			n.Entries[d] = e
		}
	}
	for d, e := range b.Entries {
		if _, both := a.Entries[d]; !both && !a.Context.Has(d) {
			n.Entries[d] = e
		}
	}
	if n.Place.Compare(b.Place) < 0 {
		n.Place = b.Place
	}
	maps.Copy(n.Meta, a.Meta)
	for k, r := range b.Meta {
		if o, ok := n.Meta[k]; !ok || o.Compare(r) < 0 {
			n.Meta[k] = r
		}
	}
	return n
}

func joinEntries(a, b Entry) Entry {
	gone := a.Gone || b.Gone
	if a.compareValue(b) < 0 {
		a = b
	}
	a.Gone = gone
	return a
}
