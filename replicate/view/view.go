// Package view is the pure function that shows the state of a replica as a tree. It writes nothing, so
// replicas that know the same show the same.
//
//  1. Cycles (Undone). In each cycle of places the directory with the latest place is shown where it
//     came from, if the places above that lead to the root, else in the root. Liveness has no say.
//  2. Shown is what is live, and each directory above it.
//  3. Contents (ShownContents). Of those that no delete has seen, equal ones as one, the latest
//     written is shown, and each other is a conflict copy. Where presence alone keeps the file: one,
//     the latest of those that a mark keeps.
//  4. Names (Name), per directory and family. Directories of one name are one node; files of one
//     name and equal shown content are one node, twins. A directory takes the name, else the file
//     placed first. What comes later, and each copy, has a conflict name.
//
// The functions see one item, one family, or one chain of parents, so that a replica can keep its tree
// up to date at the cost of what changed. Whole computes the tree in one go: what it should have come
// to.
package view

import (
	"syncfs/journal/item"
	"syncfs/journal/name"
)

// A Tree is the whole shown tree.
type Tree struct {
	Root *Branch
	By   map[item.ID]*Branch // of every item that is shown, and of every copy
}

// A Branch is a node with what is in it.
type Branch struct {
	Node
	Parent *Branch            // nil for the root
	Kids   map[string]*Branch // by name; nil for a file
}

// Path is the names that lead to b, "/" between them; "" for the root.
func (b *Branch) Path() string {
	if b.Parent == nil {
		return ""
	}
	if up := b.Parent.Path(); up != "" {
		return up + "/" + b.Name
	}
	return b.Name
}

// Whole computes the tree that shows items.
func Whole(items map[item.ID]*item.Item) *Tree {
	at := func(id item.ID) *item.Item { return items[id] }
	w := whole{items: items, undone: map[item.ID]item.ID{}, kids: map[item.ID]families{}}
	for id, it := range items {
		if it.Dir {
			if last, parent, ok := Undone(id, at); ok {
				w.undone[last] = parent
			}
		}
	}
	shown := map[item.ID]bool{}
	for _, it := range items {
		if it.Live() {
			w.show(it, shown)
		}
	}
	root := &Branch{Node: Node{IDs: []item.ID{item.Root}, Dir: true}}
	t := &Tree{Root: root, By: map[item.ID]*Branch{item.Root: root}}
	w.fill(root, t.By)
	return t
}

// families are the items shown in one directory, by the family of their names.
type families map[string][]*item.Item

func (f families) add(it *item.Item) {
	n := name.Family(it.Place.Name)
	f[n] = append(f[n], it)
}

type whole struct {
	items  map[item.ID]*item.Item
	undone map[item.ID]item.ID
	kids   map[item.ID]families
}

// show enters a live item, and the directories above it, that are not shown yet.
func (w *whole) show(it *item.Item, shown map[item.ID]bool) {
	for live := it; it != nil && (it.Dir || it == live) && !shown[it.ID]; {
		shown[it.ID] = true
		parent, ok := w.undone[it.ID]
		if !ok {
			parent = it.Place.Parent
		}
		if w.kids[parent] == nil {
			w.kids[parent] = families{}
		}
		w.kids[parent].add(it)
		it = w.items[parent]
	}
}

// fill gives a directory what is in it.
func (w *whole) fill(b *Branch, by map[item.ID]*Branch) {
	all := families{}
	for _, id := range b.IDs {
		for _, items := range w.kids[id] {
			for _, it := range items {
				all.add(it)
			}
		}
	}
	b.Kids = map[string]*Branch{}
	for _, items := range all {
		for _, n := range Name(items, func(id item.ID) bool { return w.items[id] != nil }) {
			k := &Branch{Node: n, Parent: b}
			b.Kids[n.Name] = k
			for _, id := range n.IDs {
				by[id] = k
			}
			if n.Dir {
				w.fill(k, by)
			}
		}
	}
}
