package sim

import (
	"strconv"

	"syncfs/journal/item"
	"syncfs/replicate/tree"
)

// There is no disk to have inodes. But names that are alike in one link group are one file, wherever a disk has come
// to be as the tree: what is written or set by one of them is so by all, in one transaction.

// names are the entries that are one file with the one at path, that first.
func (m *moment) names(path string) []entry {
	k, _ := m.at(path)
	l := []entry{k}
	s := m.tree[path]
	if s.Group == "" || isSymlink(s.Content) {
		return l
	}
	for _, e := range m.all {
		if e.path != path && m.tree[e.path] == s {
			l = append(l, e)
		}
	}
	return l
}

// link is link(2).
func (w *World) link(r *Replica, path, to string) {
	w.writeHeld(r)
	m := w.look(r)
	dir, name := split(to)
	k, ok := m.at(path)
	d, okDir := m.at(dir)
	if _, taken := m.at(to); taken || !ok || k.Dir || !okDir || !d.Dir || isSymlink(m.tree[path].Content) {
		return
	}
	s := m.tree[path]
	w.linked[s.Content] = true
	c := &change{what: "link " + path + " " + to, to: []string{to}}
	c.do = func(e *tree.Edit) error {
		of := w.content(s.Content)
		of.MTime, _ = strconv.ParseInt(s.MTime, 10, 64)
		meta := tree.Meta{item.Mode: s.Mode}
		if s.XAttr != "" {
			meta[xattr] = s.XAttr
		}
		_, group, err := e.Link(k.Node, d.Node, name, of, meta)
		s.Group = group.String()
		return err
	}
	c.want = func(t Tree) { t[path], t[to] = s, s }
	w.local(r, c)
}

// ofAll has a change of a file be made by all its names.
func (w *World) ofAll(m *moment, path string, do func(entry) error) error {
	for _, k := range m.names(path) {
		if err := do(k); err != nil {
			return err
		}
	}
	return nil
}

// inAll is what such a change makes of the tree.
func inAll(m *moment, path string, t Tree, change func(*Stat)) {
	for _, k := range m.names(path) {
		s := t[k.path]
		change(&s)
		t[k.path] = s
	}
}

// shared contents are, or were, in many places.
func (w *World) shared(c string) bool { return shared(c) || w.linked[c] }
