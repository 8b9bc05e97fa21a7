package tree

import (
	"maps"

	"syncfs/journal/item"
	"syncfs/journal/version"
)

// Link makes a further name of a file that a program has linked: a new item of the same content, in the link
// group of the first. It is a user's change of the first as well, whom he wants who links it: that enters a
// group, if it is in none, and leaves a mark of presence. M is the rest of the meta.
func (e *Edit) Link(k, dir Node, nm string, c item.Content, m Meta) (id, group item.ID, err error) {
	first, _, err := e.NodeOf(k.IDs[0])
	if err != nil {
		return id, group, err
	}
	if group = first.Group(); group == item.Root {
		if group, err = e.newID(); err != nil {
			return id, group, err
		}
	}
	if err := e.SetMeta(k, item.Group, group.String()); err != nil {
		return id, group, err
	}
	m = maps.Clone(m)
	m[item.Group] = group.String()
	id, err = e.Create(dir, nm, c, m, false)
	return id, group, err
}

// NewGroup is a link group that no file is in.
func (e *Edit) NewGroup() (item.ID, error) { return e.newID() }

// Group is the link group that a node is shown in; zero where it is in none.
func (n Node) Group() item.ID {
	g, err := item.ParseID(n.Meta[item.Group])
	if err != nil {
		return item.Root
	}
	return g
}

// AdoptGroup notes that the scan which makes a folder a replica has found an item under several names. Like all
// that it finds this has a zero timestamp: what users have done goes before it.
func (e *Edit) AdoptGroup(id, group item.ID) error {
	it, err := e.Tx.Shown(id)
	if err != nil || it == nil || it.Dir || !it.Live() {
		return err
	}
	r := item.Register{Value: group.String()}
	if had, ok := it.Meta[item.Group]; ok && had.Compare(r) >= 0 {
		return nil
	}
	return e.change(id, func(it *item.Item, _ version.Dot) { it.Meta[item.Group] = r })
}
