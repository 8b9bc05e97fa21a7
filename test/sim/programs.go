package sim

import (
	"strings"

	"syncfs/journal/item"
	"syncfs/replicate/tree"
)

// What programs do. A call that a filesystem would refuse does nothing. What replaces or removes a file
// first has every file written that was created and not written yet: where one is the old file under
// another ID the disk has to see to it (see slow.go).

func split(path string) (dir, name string) {
	i := strings.LastIndex(path, "/")
	return path[:i], path[i+1:]
}

func within(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

// put writes a file, new or not.
func (w *World) put(r *Replica, path, content string) {
	m := w.look(r)
	dir, name := split(path)
	d, ok := m.at(dir)
	if !ok || !d.Dir {
		return
	}
	k, old := m.at(path)
	if old && k.Dir {
		return
	}
	c := &change{
		what:   "write " + path + " " + content,
		writes: []string{content},
	}
	c.want = func(t Tree) { t[path] = Stat{Content: content, Mode: "644", MTime: mtimeText(content)} }
	c.do = func(e *tree.Edit) error {
		id, err := e.Create(d.Node, name, w.content(content), tree.Meta{item.Mode: "644"}, false)
		c.moved = []item.ID{id}
		return err
	}
	if old {
		w.linked[content] = w.linked[content] || len(m.names(path)) > 1
		c.want = func(t Tree) {
			inAll(m, path, t, func(s *Stat) { s.Content, s.MTime = content, mtimeText(content) })
		}
		c.do = func(e *tree.Edit) error {
			return w.ofAll(m, path, func(k entry) error {
				id, err := e.Write(k.Node, w.content(content))
				if id != k.IDs[0] {
					c.moved = append(c.moved, id)
				}
				return err
			})
		}
	}
	w.local(r, c)
}

func (w *World) mkdir(r *Replica, path string) {
	m := w.look(r)
	dir, name := split(path)
	d, ok := m.at(dir)
	if _, taken := m.at(path); !ok || !d.Dir || taken {
		return
	}
	w.local(r, &change{
		what: "mkdir " + path,
		do: func(e *tree.Edit) error {
			_, err := e.Mkdir(d.Node, name, tree.Meta{item.Mode: "755"})
			return err
		},
		want: func(t Tree) { t[path] = Stat{Dir: true, Mode: "755"} },
		to:   []string{path},
	})
}

func (w *World) rm(r *Replica, path string) {
	w.writeHeld(r)
	k, ok := w.look(r).at(path)
	if !ok || k.Dir {
		return
	}
	c := &change{
		what:    "rm " + path,
		want:    func(t Tree) { delete(t, path) },
		removes: true,
	}
	c.do = func(e *tree.Edit) error {
		b, err := e.Unlink(k.Node)
		if b != (tree.Became{}) {
			c.moved = append(c.moved, b.New)
		}
		return err
	}
	w.local(r, c)
}

func (w *World) rmdir(r *Replica, path string) {
	m := w.look(r)
	k, ok := m.at(path)
	if !ok || !k.Dir || path == "" || !m.empty(path) {
		return
	}
	w.local(r, &change{
		what:    "rmdir " + path,
		do:      func(e *tree.Edit) error { return e.Rmdir(k.Node) },
		want:    func(t Tree) { delete(t, path) },
		removes: true,
	})
}

func (w *World) rmAll(r *Replica, path string) {
	k, ok := w.look(r).at(path)
	if !ok || !k.Dir {
		w.rm(r, path)
		return
	}
	for _, e := range w.look(r).all {
		if dir, _ := split(e.path + "/"); e.path != "" && parent(dir) == path {
			w.rmAll(r, e.path)
		}
	}
	w.rmdir(r, path)
}

// parent of a path; "" is its own.
func parent(path string) string {
	if path == "" {
		return ""
	}
	dir, _ := split(path)
	return dir
}

func (w *World) mv(r *Replica, from, to string) {
	w.writeHeld(r)
	m := w.look(r)
	dir, name := split(to)
	k, ok := m.at(from)
	d, okDir := m.at(dir)
	if !ok || !okDir || !d.Dir || from == "" || within(to, from) {
		return
	}
	var over *tree.Node
	if t, ok := m.at(to); ok {
		if t.Dir != k.Dir || t.Dir && !m.empty(to) {
			return
		}
		over = &t.Node
	}
	w.local(r, &change{
		what: "mv " + from + " " + to,
		do: func(e *tree.Edit) error {
			_, err := e.Rename(k.Node, d.Node, name, over)
			return err
		},
		want: func(t Tree) {
			delete(t, to)
			moveTo(t, take(t, from), to)
		},
		to: []string{to},
	})
}

// exchange is renameat2(2) with RENAME_EXCHANGE.
func (w *World) exchange(r *Replica, a, b string) {
	m := w.look(r)
	x, okX := m.at(a)
	y, okY := m.at(b)
	if !okX || !okY || within(a, b) || within(b, a) {
		return
	}
	w.local(r, &change{
		what: "exchange " + a + " " + b,
		do: func(e *tree.Edit) error {
			_, _, err := e.Exchange(x.Node, y.Node)
			return err
		},
		want: func(t Tree) {
			x, y := take(t, a), take(t, b)
			moveTo(t, x, b)
			moveTo(t, y, a)
		},
		to: []string{a, b},
	})
}

// take removes what is at path and below, and gives it relative to path.
func take(t Tree, path string) Tree {
	sub := Tree{}
	for p, s := range t {
		if within(p, path) {
			sub[p[len(path):]] = s
			delete(t, p)
		}
	}
	return sub
}

func moveTo(t, sub Tree, path string) {
	for p, s := range sub {
		t[path+p] = s
	}
}

// set changes an attribute; "" removes it.
func (w *World) set(r *Replica, path, key, value string) {
	m := w.look(r)
	k, ok := m.at(path)
	if !ok || path == "" || k.Dir && key == item.MTime || value == "" && k.Meta[key] == "" {
		return
	}
	w.local(r, &change{
		what: "set " + key + "=" + value + " " + path,
		do: func(e *tree.Edit) error {
			return w.ofAll(m, path, func(k entry) error {
				if value == "" {
					return e.ClearMeta(k.Node, key)
				}
				return e.SetMeta(k.Node, key, value)
			})
		},
		want: func(t Tree) {
			inAll(m, path, t, func(s *Stat) {
				*map[string]*string{item.Mode: &s.Mode, item.MTime: &s.MTime, xattr: &s.XAttr}[key] = value
			})
		},
	})
}
