package sim

import (
	"maps"

	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate/tree"
)

// A userOp is an operation of a program, as the oracles remember it.
type userOp struct {
	items  map[item.ID]bool // that it was on
	seen   map[int]bool     // operations known where it was made
	behind bool             // it was made on an older state shown: not all that is in seen was
	wrote  []string
}

// A deletion took the last place where a content was shown.
type deletion struct {
	op      int
	by      string
	content string
	items   map[item.ID]bool // that showed it
}

// A change is one operation of a program: what it does, and what it should do to the tree.
type change struct {
	what    string
	do      func(*tree.Edit) error
	want    func(Tree)
	writes  []string  // contents
	to      []string  // paths that a user gave to what is there afterwards
	moved   []item.ID // more that a user moved, set by do
	removes bool      // it is a delete
}

// local makes a change on r, and holds it against the operation law: it changes the shown tree by exactly
// itself.
func (w *World) local(r *Replica, c *change) {
	before := w.look(r)
	err := r.tree.Update(c.do)
	r.now, r.lag = nil, nil
	w.logf("%s: %s", r.name, c.what)
	if err != nil {
		w.fail("error: %s at %s: %v", c.what, r.name, err)
	}
	want := maps.Clone(before.tree)
	c.want(want)
	after := w.look(r)
	w.check(maps.Equal(want, after.tree), "operation law: %s at %s\n  before\n%v  expected\n%v  got\n%v", c.what, r.name, before.tree, want, after.tree)
	w.remember(r, c, before, after)
}

// remember notes a change for the oracles.
func (w *World) remember(r *Replica, c *change, before, after *moment) {
	n := len(w.ops)
	r.seen[n] = true
	op := userOp{items: touched(before, after), seen: maps.Clone(r.seen), wrote: c.writes}
	for id := range maps.Clone(op.items) {
		if before.older[id] != nil || after.older[id] != nil {
			op.behind = true
			if of, ok := w.copies[id]; ok {
				op.items[of.of] = true
			}
		}
	}
	w.ops = append(w.ops, op)
	for _, content := range c.writes {
		w.written[content] = true
	}
	w.noteMoves(c, before, after)

	was, is := before.tree.contents(), after.tree.contents()
	for content, times := range was {
		if is[content] > 0 {
			continue
		}
		w.covered[content] = true
		if c.removes && times == 1 {
			items := maps.Clone(op.items)
			w.addShowing(items, before, content)
			w.deletions = append(w.deletions, deletion{n, r.name, content, items})
		}
	}
}

// addShowing adds the items that show a content, and those that a copy with it is of.
func (w *World) addShowing(items map[item.ID]bool, m *moment, content string) {
	for _, e := range m.files() {
		if m.tree[e.path].Content != content {
			continue
		}
		for _, id := range e.IDs {
			items[id] = true
		}
		if e.IsCopy() {
			items[e.CopyOf] = true
		}
	}
}

// noteMoves remembers where the user put what.
func (w *World) noteMoves(c *change, before, after *moment) {
	ids := c.moved
	for _, path := range c.to {
		e, ok := after.at(path)
		w.check(ok, "nothing at %s after %s", path, c.what)
		ids = append(ids, e.IDs...)
	}
	items, was := after.items(), before.items()
	for _, id := range ids {
		it := items[id]
		if it == nil || it.Place.Timestamp.Rank > 0 || was[id] != nil && was[id].Place == it.Place {
			continue
		}
		if w.moves[id] == nil {
			w.moves[id] = map[version.Timestamp]bool{}
		}
		w.moves[id][it.Place.Timestamp] = true
	}
}

// touched are the items that an operation was on, which is more than a repair of a name written down:
// it left an entry, or took one, or marked one gone.
func touched(before, after *moment) map[item.ID]bool {
	t := map[item.ID]bool{}
	for id, it := range before.known {
		n := after.known[id]
		if n == nil {
			t[id] = true
			continue
		}
		for d, e := range it.Entries {
			if o, ok := n.Entries[d]; !e.Gone && (!ok || o.Gone) {
				t[id] = true
			}
		}
	}
	for id, it := range after.known {
		was := before.known[id]
		for d := range it.Entries {
			if d.Incarnation != version.Provisional {
				continue
			}
			if was == nil || !was.Context.Has(d) {
				t[id] = true
			}
		}
	}
	return t
}
