package disk

import (
	"slices"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/replicate/tree"
)

// apart is what is to be moved as a to k, in a directory that it is to be one node with. Until all that is in one of two
// such directories has gone into the other both are on disk, and the items of both are those of one. A program sees
// two, and may move each into the other: then they are two. The one that has other items leaves the common ones to the
// other; one that has none is new.
func (b *batch) apart(a *journal.Applied, k key) (*journal.Applied, error) {
	for slot := k.dir; a.Dir && slot != 0; {
		up, err := b.Tx.AppliedSlot(slot)
		if err != nil || up == nil {
			return a, err
		}
		if slices.ContainsFunc(up.IDs, func(id item.ID) bool { return slices.Contains(a.IDs, id) }) {
			if a, err = b.divide(a, up); err != nil {
				return nil, err
			}
		}
		slot = up.Parent
	}
	return a, nil
}

// divide gives each of two directories on disk items of its own.
func (b *batch) divide(a, up *journal.Applied) (*journal.Applied, error) {
	n, m := *a, *up
	if m.IDs = others(up.IDs, a.IDs); len(m.IDs) == 0 {
		m.IDs, n.IDs = up.IDs, others(a.IDs, up.IDs)
	}
	if len(n.IDs) == 0 {
		id, err := b.anew(a)
		if err != nil {
			return nil, err
		}
		n.IDs = []item.ID{id}
	}
	if err := b.put(&m); err != nil { // the last that is put for an item is where it is
		return nil, err
	}
	return &n, b.put(&n)
}

// others are those of l that are not in m.
func others(l, m []item.ID) []item.ID {
	return slices.DeleteFunc(slices.Clone(l), func(id item.ID) bool { return slices.Contains(m, id) })
}

// anew makes an item of a directory that is on disk.
func (b *batch) anew(a *journal.Applied) (item.ID, error) {
	dir, err := seenDir(b.Tx, a.Parent)
	if err != nil {
		return item.ID{}, err
	}
	return b.Mkdir(dir, a.Name, tree.Meta{item.Mode: octal(a.Mode)})
}
