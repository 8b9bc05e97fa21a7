package sim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/replicate/tree"
)

// Stat is what a program sees of a file or directory.
type Stat struct {
	Dir         bool
	Content     string // its name in the simulation
	Mode, MTime string
	XAttr       string // user.x
	Group       string // its link group, "" for none
}

// A Tree is what a program sees, by path.
type Tree map[string]Stat

func (t Tree) String() string {
	var b strings.Builder
	for _, p := range slices.Sorted(maps.Keys(t)) {
		fmt.Fprintf(&b, "    %s %v\n", p, t[p])
	}
	return b.String()
}

func (t Tree) contents() map[string]int {
	m := map[string]int{}
	for _, s := range t {
		if !s.Dir {
			m[s.Content]++
		}
	}
	return m
}

// An entry is a node and where it is. The path of the root is "".
type entry struct {
	tree.Node
	path string
}

// A moment is a replica's state, read once after each change of it.
type moment struct {
	tree  Tree
	all   []entry // the root first
	known map[item.ID]*item.Item
	older map[item.ID]*item.Item // states shown instead
}

// at is the node of a path.
func (m *moment) at(path string) (entry, bool) {
	i, ok := slices.BinarySearchFunc(m.all, path, func(e entry, p string) int { return cmp.Compare(e.path, p) })
	if !ok {
		return entry{}, false
	}
	return m.all[i], true
}

// dirs and files in the order of their paths.
func (m *moment) dirs() []entry  { return m.of(true) }
func (m *moment) files() []entry { return m.of(false) }

func (m *moment) of(dir bool) (l []entry) {
	for _, e := range m.all {
		if e.Dir == dir {
			l = append(l, e)
		}
	}
	return l
}

// items are the states shown.
func (m *moment) items() map[item.ID]*item.Item {
	all := maps.Clone(m.known)
	maps.Copy(all, m.older)
	return all
}

// empty tells whether a directory has nothing in it.
func (m *moment) empty(path string) bool {
	for p := range m.tree {
		if strings.HasPrefix(p, path+"/") {
			return false
		}
	}
	return true
}

// look reads the state of r.
func (w *World) look(r *Replica) *moment {
	if r.now != nil {
		return r.now
	}
	m := &moment{tree: Tree{}, known: map[item.ID]*item.Item{}, older: map[item.ID]*item.Item{}}
	w.must(r.tree.View(func(v tree.View) error {
		root := v.Root()
		m.all = append(m.all, entry{root, ""})
		if err := w.walk(v, root, "", m); err != nil {
			return err
		}
		return readItems(v.Tx, m)
	}))
	slices.SortFunc(m.all, func(a, b entry) int { return cmp.Compare(a.path, b.path) })
	r.now = m
	return m
}

func (w *World) walk(v tree.View, dir tree.Node, path string, m *moment) error {
	nodes, err := v.List(dir)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		p := path + "/" + n.Name
		if _, twice := m.tree[p]; twice {
			w.fail("a name twice: %s", p)
		}
		m.tree[p] = w.stat(n)
		m.all = append(m.all, entry{n, p})
		if n.IsCopy() {
			w.copies[n.IDs[0]] = copied{n.CopyOf, n.CopyDots[0]}
		}
		if n.Dir {
			if err := w.walk(v, n, p, m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *World) stat(n tree.Node) Stat {
	s := Stat{Dir: n.Dir, Mode: n.Meta[item.Mode], MTime: n.Meta[item.MTime], XAttr: n.Meta[xattr]}
	if !n.Dir {
		w.check(n.Content != nil, "a file with no content: %s", n.Name)
		s.Content = w.contents[n.Content.Key()]
		if g := n.Group(); g != item.Root {
			s.Group = g.String()
		}
	}
	return s
}

func readItems(tx *journal.Tx, m *moment) error {
	keep := func(in map[item.ID]*item.Item) func(*item.Item) error {
		return func(it *item.Item) error { in[it.ID] = it; return nil }
	}
	if err := tx.EachKnown(keep(m.known)); err != nil {
		return err
	}
	return tx.EachOlder(keep(m.older))
}
