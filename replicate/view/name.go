package view

import (
	"slices"

	"syncfs/journal/item"
	"syncfs/journal/name"
	"syncfs/journal/version"
)

// A Node is one entry of a shown directory.
type Node struct {
	IDs      []item.ID // the items shown here; operations write to the first
	Dir      bool
	Name     string
	Content  *item.Content // of a file
	CopyOf   item.ID       // of a conflict copy that is no item yet: the item it is a content of,
	CopyDots []version.Dot // and the dots of that content
	Repaired bool          // a file under a conflict name that is not the name of its place
}

// IsCopy tells whether n is a conflict copy that is no item yet.
func (n *Node) IsCopy() bool { return n.CopyDots != nil }

// Name names the items shown in one directory whose names are of one family. Exists tells whether there
// is an item of an ID, if only a tombstone.
func Name(items []*item.Item, exists func(item.ID) bool) []Node {
	if len(items) == 1 {
		if n, ok := alone(items[0]); ok {
			return []Node{n}
		}
	}
	f := family{taken: make(map[string]bool, len(items)), byName: make(map[string]int, len(items))}
	items = slices.Clone(items)
	slices.SortFunc(items, func(a, b *item.Item) int {
		if c := a.Place.Timestamp.Compare(b.Place.Timestamp); c != 0 {
			return c
		}
		return a.ID.Compare(b.ID)
	})
	for _, it := range items {
		f.taken[it.Place.Name] = true
	}
	f.dirs(items)
	var files []shownFile
	for _, it := range items {
		if it.Dir {
			continue
		}
		if c := ShownContents(it); len(c) > 0 {
			files = append(files, shownFile{it, c})
		}
	}
	f.files(files)
	for _, x := range files {
		f.copies(x, exists)
	}
	return f.nodes
}

// alone is an item that no other has to do with, as most are: false for a file that has conflict copies, or nothing
// to show.
func alone(it *item.Item) (Node, bool) {
	n := Node{IDs: []item.ID{it.ID}, Dir: it.Dir, Name: it.Place.Name}
	if it.Dir {
		return n, true
	}
	c := ShownContents(it)
	if len(c) != 1 {
		return n, false
	}
	n.Content = c[0].Content
	return n, true
}

// A family is the nodes named so far.
type family struct {
	nodes  []Node
	byName map[string]int  // index in nodes
	taken  map[string]bool // the names that items have or want
}

type shownFile struct {
	*item.Item
	contents []Contents
}

// dirs adds the directories: those of one name are one node, a live one first, then by ID.
func (f *family) dirs(items []*item.Item) {
	var at [][]*item.Item // for each node its directories
	for _, it := range items {
		if !it.Dir {
			continue
		}
		i, ok := f.byName[it.Place.Name]
		if !ok {
			i = len(at)
			f.byName[it.Place.Name] = i
			f.nodes, at = append(f.nodes, Node{Dir: true, Name: it.Place.Name}), append(at, nil)
		}
		at[i] = append(at[i], it)
	}
	for i, dirs := range at {
		slices.SortFunc(dirs, func(a, b *item.Item) int {
			if l := a.Live(); l != b.Live() {
				if l {
					return -1
				}
				return 1
			}
			return a.ID.Compare(b.ID)
		})
		for _, it := range dirs {
			f.nodes[i].IDs = append(f.nodes[i].IDs, it.ID)
		}
	}
}

// files adds the files, the earliest placed first.
func (f *family) files(files []shownFile) {
	type shown struct {
		name string
		key  item.Key
	}
	twins := map[shown]int{}
	for _, x := range files {
		nm, c := x.Place.Name, x.contents[0].Content
		s := shown{nm, c.Key()}
		if i, ok := twins[s]; ok {
			f.nodes[i].IDs = append(f.nodes[i].IDs, x.ID)
			continue
		}
		n := Node{IDs: []item.ID{x.ID}, Name: nm, Content: c}
		if _, ok := f.byName[nm]; ok {
			n.Name, n.Repaired = f.conflict(nm, x.Place.Timestamp), true
		} else {
			f.byName[nm] = len(f.nodes)
		}
		twins[s] = len(f.nodes)
		f.nodes = append(f.nodes, n)
	}
}

// copies adds the contents of a file that it does not show. A copy that was written down is an item,
// even as a tombstone, and no node here.
func (f *family) copies(x shownFile, exists func(item.ID) bool) {
	for _, c := range x.contents[1:] {
		d := c.Dots[0]
		id := Copy(x.ID, d)
		if exists(id) {
			continue
		}
		e := x.Entries[d].Content
		f.nodes = append(f.nodes, Node{
			IDs:      []item.ID{id},
			Name:     f.conflict(x.Place.Name, e.Timestamp),
			Content:  e,
			CopyOf:   x.ID,
			CopyDots: c.Dots,
		})
	}
}

// conflict makes a conflict name that nothing in the family has or wants.
func (f *family) conflict(nm string, t version.Timestamp) string {
	c := name.Conflict(nm, t, func(s string) bool { return f.taken[s] })
	f.taken[c] = true
	return c
}
