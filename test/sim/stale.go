package sim

import (
	"slices"

	"syncfs/journal/item"
	"syncfs/replicate/tree"
)

// The disk lags behind the tree, and programs see the disk. So what a program does after a session may
// be meant for what was there before it: its nodes are of an older moment.

// stale has a program on a replica that joined something do something to what was there before. It takes
// no content away but what the program saw.
func (w *World) stale(s scene) {
	r := s.r
	for i := range w.replicas {
		if r = pick(w.replicas, s.Replica+i); r.lag != nil {
			break
		}
	}
	m := r.lag
	if m == nil || len(m.all) < 2 || w.writeHeld(r) {
		return
	}
	r.lag = nil
	k, d := pick(m.all[1:], s.A), pick(m.dirs(), s.B)
	switch s.C % 5 {
	case 0:
		w.staleCreate(r, m, d, letter(s.A))
	case 1:
		w.staleMove(r, m, k, d, letter(s.C))
	case 2:
		w.staleWrite(r, m, k)
	case 3:
		w.staleRemove(r, m, k)
	case 4:
		w.staleExchange(r, m, k, pick(m.all[1:], s.B))
	}
}

func (w *World) staleCreate(r *Replica, m *moment, d entry, name string) {
	if _, taken := m.at(d.path + name); taken {
		return
	}
	content := w.fresh()
	c := &change{what: "create " + d.path + name + " " + content, writes: []string{content}}
	c.do = func(e *tree.Edit) error {
		id, err := e.Create(d.Node, name[1:], w.content(content), tree.Meta{item.Mode: "644"}, false)
		c.moved = []item.ID{id}
		return err
	}
	w.locally(r, c)
}

func (w *World) staleMove(r *Replica, m *moment, k, d entry, name string) {
	to := d.path + name
	if within(to, k.path) {
		return
	}
	seen := []string{}
	var over *tree.Node
	if t, ok := m.at(to); ok {
		if t.Dir != k.Dir || t.Dir && !m.empty(to) {
			return
		}
		over, seen = &t.Node, append(seen, m.tree[to].Content)
	}
	c := &change{what: "mv " + k.path + " " + to}
	c.do = func(e *tree.Edit) error {
		id, err := e.Rename(k.Node, d.Node, name[1:], over)
		c.moved = append(slices.Clone(k.IDs), id)
		return err
	}
	w.locally(r, c, seen...)
}

func (w *World) staleExchange(r *Replica, m *moment, k, l entry) {
	if within(k.path, l.path) || within(l.path, k.path) {
		return
	}
	c := &change{what: "exchange " + k.path + " " + l.path}
	c.do = func(e *tree.Edit) error {
		x, y, err := e.Exchange(k.Node, l.Node)
		c.moved = append(slices.Concat(k.IDs, l.IDs), x, y)
		return err
	}
	w.locally(r, c)
}

func (w *World) staleWrite(r *Replica, m *moment, k entry) {
	if k.Dir {
		return
	}
	content := w.fresh()
	c := &change{what: "write " + k.path + " " + content, writes: []string{content}}
	c.do = func(e *tree.Edit) error {
		id, err := e.Write(k.Node, w.content(content))
		c.moved = []item.ID{id}
		return err
	}
	w.locally(r, c, m.tree[k.path].Content)
}

func (w *World) staleRemove(r *Replica, m *moment, k entry) {
	c := &change{what: "rm " + k.path}
	switch {
	case !k.Dir:
		c.do = func(e *tree.Edit) error {
			b, err := e.Unlink(k.Node)
			c.moved = []item.ID{b.New}
			return err
		}
	case m.empty(k.path):
		c.do = func(e *tree.Edit) error { return e.Rmdir(k.Node) }
	default:
		return
	}
	w.locally(r, c, m.tree[k.path].Content)
}

// locally makes a change of which the program saw that it takes some contents, and no others.
func (w *World) locally(r *Replica, c *change, seen ...string) {
	before := w.look(r)
	c.what = "late, " + c.what
	w.logf("%s: %s", r.name, c.what)
	if err := r.tree.Update(c.do); err != nil {
		w.fail("error: %s at %s: %v", c.what, r.name, err)
	}
	r.now = nil
	after := w.look(r)
	was, is := before.tree.contents(), after.tree.contents()
	for content := range was {
		w.check(is[content] > 0 || slices.Contains(seen, content), "unseen content taken: %s by %s at %s\n  before\n%v  after\n%v",
			content, c.what, r.name, before.tree, after.tree)
	}
	for _, content := range c.writes {
		w.check(is[content] > 0, "unshown: %s at %s\n  before\n%v  after\n%v", c.what, r.name, before.tree, after.tree)
	}
	w.remember(r, c, before, after)
	w.ops[len(w.ops)-1].behind = true
}
