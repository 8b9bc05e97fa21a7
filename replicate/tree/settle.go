package tree

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"syncfs/journal/item"
	"syncfs/journal/name"
	"syncfs/journal/version"
	"syncfs/replicate/view"
)

// settle writes down the repairs that the view shows in one family of names of a directory, before an
// operation changes that family.
func (e *Edit) settle(dir item.ID, nm string) error {
	if err := e.regroup(); err != nil {
		return err
	}
	group, err := e.group(dir)
	if err != nil {
		return err
	}
	nodes, err := e.Family(Node{Node: view.Node{IDs: group}}, name.Family(nm))
	if err != nil {
		return err
	}
	slices.SortFunc(nodes, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	for _, n := range nodes {
		switch {
		case n.IsCopy():
			err = e.settleCopy(n)
		case n.Repaired:
			err = e.settleName(n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settleCopy makes a conflict copy an item: its entry goes over to it with its dot, so that every
// replica that does the same makes the same item.
func (e *Edit) settleCopy(n Node) error {
	base, err := e.Tx.Shown(n.CopyOf)
	if err != nil {
		return err
	}
	baseKnown, err := e.Tx.Known(n.CopyOf)
	if err != nil {
		return err
	}
	d0 := n.CopyDots[0]
	entry := base.Entries[d0]
	c := item.New(n.IDs[0], false)
	c.Context[d0.Incarnation] = d0.Seq
	c.Entries[d0] = entry
	c.Place = item.Place{Parent: base.Place.Parent, Name: n.Name, Timestamp: entry.Content.Timestamp}
	c.Place.Timestamp.Rank = 1
	c.Meta = maps.Clone(base.Meta)
	d := e.dot()
	c.Context[d.Incarnation] = max(c.Context[d.Incarnation], d.Seq)

	known, older := c, (*item.Item)(nil)
	if !slices.ContainsFunc(n.CopyDots, func(d version.Dot) bool { x, ok := baseKnown.Entries[d]; return ok && !x.Gone }) {
		// Removed or overwritten elsewhere; only the older state has it still.
		known, older = c.Clone(), c
		entry.Gone = true
		known.Entries[d0] = entry
	}
	if err := e.set(c.ID, known, older); err != nil {
		return err
	}
	if err := e.wantToo(c.ID, n.CopyOf, n.Content); err != nil {
		return err
	}
	if older != nil {
		if err := e.waitWith(c.ID, baseKnown); err != nil {
			return err
		}
	}
	return e.change(n.CopyOf, func(it *item.Item, _ version.Dot) {
		for _, d := range n.CopyDots {
			delete(it.Entries, d)
		}
	})
}

// settleName makes the conflict name of a file, or of twins, its own.
func (e *Edit) settleName(n Node) error {
	for _, id := range n.IDs {
		it, err := e.Tx.Shown(id)
		if err != nil {
			return err
		}
		if err := e.writeDown(id, it.Place.Parent, n.Name); err != nil {
			return err
		}
	}
	return nil
}

// settleCycles: before a directory moves, every cycle that is shown undone is undone.
func (e *Edit) settleCycles() error {
	all, err := e.undone.all()
	if err != nil {
		return err
	}
	for id, parent := range maps.Clone(all) {
		it, err := e.Tx.Shown(id)
		if err != nil {
			return err
		}
		if it == nil {
			return fmt.Errorf("item %v: %w", id, ErrUnreachable)
		}
		if err := e.writeDown(id, parent, it.Place.Name); err != nil {
			return err
		}
	}
	return e.regroup()
}

// writeDown gives an item the place that it is shown at, with the old timestamp and one rank more. It is
// no mark of presence: a repair does not keep what a user deletes.
func (e *Edit) writeDown(id, parent item.ID, nm string) error {
	return e.change(id, func(it *item.Item, _ version.Dot) {
		it.Place.Parent, it.Place.Name = parent, nm
		it.Place.Timestamp.Rank++
	})
}

// revive: a directory that shows only for what is in it is wanted, once an entry of it changes.
func (e *Edit) revive(dir item.ID) error {
	if dir == item.Root {
		return nil
	}
	group, err := e.group(dir)
	if err != nil {
		return err
	}
	if group, err = e.liveFirst(group); err != nil {
		return err
	}
	it, err := e.Tx.Shown(group[0])
	if err != nil {
		return err
	}
	if it == nil {
		return fmt.Errorf("item %v: %w", group[0], ErrUnreachable)
	}
	if it.Live() {
		return nil
	}
	return e.touchItem(it.ID, nil, func(*item.Item) {})
}
