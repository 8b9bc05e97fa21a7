package tree_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate/tree"
)

const stranger version.Incarnation = 77

// state is one that a peer can have made.
func state(n uint64, dir bool, parent item.ID, name string) *item.Item {
	it := item.New(id(n), dir)
	d := version.Dot{Incarnation: stranger, Seq: n}
	it.Context[stranger] = n
	it.Place = item.Place{Parent: parent, Name: name, Timestamp: version.Timestamp{Time: 5, Replica: "P"}}
	x := item.Entry{}
	if !dir {
		c := bytes(fmt.Sprint("x", n))
		c.Timestamp = version.Timestamp{Time: 5, Replica: "P"}
		x.Content = &c
	}
	it.Entries[d] = x
	return it
}

func TestHostileSessionsAreRefusedWhole(t *testing.T) {
	const own = ^uint64(0)
	fine := version.Vector{stranger: 100}
	cases := []struct {
		name      string
		change    func(it *item.Item, a *replica) // of the file 9
		knowledge version.Vector
		also      []*item.Item
		why       string
	}{
		{name: "a directory that was a file", change: func(it *item.Item, _ *replica) { it.ID = id(1) }, why: "directory"},
		{name: "a file that was a directory", change: func(it *item.Item, a *replica) { it.ID = a.at("d").IDs[0] }, why: "directory"},
		{name: "provisional", change: func(it *item.Item, _ *replica) { it.Context[version.Provisional] = 3 }, why: "provisional"},
		{name: "of no change", change: func(it *item.Item, _ *replica) { clear(it.Context); clear(it.Entries) }, why: "no change"},
		{name: "not known to the sender", change: func(it *item.Item, _ *replica) { it.Context[stranger] = 101 }, why: "does not know"},
		{name: "a change of this replica's", change: func(it *item.Item, a *replica) { it.Context[a.incarnation()] = 1 << 40 },
			knowledge: version.Vector{stranger: 100, version.Incarnation(own): 1}, why: "not made"},
		{name: "in itself", change: func(it *item.Item, _ *replica) { it.Place.Parent = it.ID }, why: "itself"},
		{name: "in a file", change: func(it *item.Item, a *replica) { it.Place.Parent = a.at("f").IDs[0] }, why: "no directory"},
		{name: "in a file of the session", change: func(it *item.Item, _ *replica) { it.Place.Parent = id(8) },
			also: []*item.Item{state(8, false, item.Root, "e")}, why: "no directory"},
		{name: "in nothing", change: func(it *item.Item, _ *replica) { it.Place.Parent = id(55) }, why: "no directory"},
		{name: "sent twice", change: func(*item.Item, *replica) {}, also: []*item.Item{state(9, false, item.Root, "e")}, why: "twice"},
		{name: "dot dot", change: func(it *item.Item, _ *replica) { it.Place.Name = ".." }, why: "name"},
		{name: "a slash", change: func(it *item.Item, _ *replica) { it.Place.Name = "a/b" }, why: "name"},
		{name: "hidden", change: func(it *item.Item, _ *replica) { it.Place.Name = item.Hidden }, why: "kept for syncfs"},
		{name: "the root", change: func(it *item.Item, _ *replica) { it.ID = item.Root }, why: "no item"},
		{name: "beyond time", change: func(it *item.Item, _ *replica) { it.Place.Timestamp.Time = 1 << 62 }, why: "clock"},
		{name: "beyond repair", change: func(it *item.Item, _ *replica) { it.Place.Timestamp.Rank = 1 << 31 }, why: "clock"},
		{name: "too large", change: func(it *item.Item, _ *replica) {
			for i := range 20 {
				it.Meta[fmt.Sprint(item.XAttr, i)] = item.Register{Value: strings.Repeat("x", 60000)}
			}
		}, why: "too large"},
		{name: "knowledge of provisional changes", change: func(*item.Item, *replica) {}, knowledge: version.Vector{stranger: 100, version.Provisional: 1}, why: "provisional"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, l := newWorld(t, "A")
			a := l[0]
			a.mkdir("d")
			a.put("f", "x1")
			first := state(1, false, item.Root, "g")
			a.w.must(a.Join(all(first), fine, func() {}))
			_, err := a.Stamp(t.Context())
			a.w.must(err)
			before, tree0 := a.known(), a.tree()

			bad := state(9, c.name == "a directory that was a file", item.Root, "bad")
			c.change(bad, a)
			if c.knowledge == nil {
				c.knowledge = fine
			}
			err = a.Join(all(append(c.also, state(7, true, item.Root, "good"), bad)...), c.knowledge, func() {})
			var hostile *tree.HostileError
			if !errors.As(err, &hostile) || !strings.Contains(err.Error(), c.why) {
				t.Fatalf("joined: %v", err)
			}
			if !maps.EqualFunc(before, a.known(), (*item.Item).Equal) || !maps.Equal(tree0, a.tree()) {
				t.Fatalf("changed: %v", a.tree())
			}
		})
	}
}

// Stamping ends with its context; what is stamped then stays so, and the rest is stamped the next time.
func TestStampEndsWithItsContext(t *testing.T) {
	_, l := newWorld(t, "A")
	a := l[0]
	a.put("f", "x1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := a.known()
	if _, err := a.Stamp(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("stamped: %v", err)
	}
	if !maps.EqualFunc(before, a.known(), (*item.Item).Equal) {
		t.Error("something is stamped")
	}
	if v, err := a.Stamp(t.Context()); err != nil || len(v) != 1 {
		t.Errorf("then: %v, %v", v, err)
	}
	a.check()
}

// incarnation is that of r, which has made changes.
func (r *replica) incarnation() version.Incarnation {
	v, err := r.Stamp(context.Background())
	r.w.must(err)
	for i := range v {
		if i != stranger {
			return i
		}
	}
	panic("no change")
}

// many is a session too large for one transaction: children first, so that each batch but the last has
// items without their directory.
func many() []*item.Item {
	const n = 6000
	var l []*item.Item
	for i := uint64(1); i < n; i++ {
		l = append(l, state(i, false, id(n+i%50), fmt.Sprintf("f%d", i)))
	}
	for i := range uint64(50) {
		l = append(l, state(n+i, true, item.Root, fmt.Sprintf("d%d", i)))
	}
	return l
}

func TestLargeSession(t *testing.T) {
	_, a, b := two(t)
	a.put("f", "x1")
	parts := 0
	a.w.must(a.Join(all(many()...), version.Vector{stranger: 10000}, func() {
		a.w.must(a.journal.View(func(tx *journal.Tx) error {
			it, err := tx.Known(id(1))
			if it == nil {
				t.Error("a part is told of, and nothing is joined")
			}
			return err
		}))
		parts++
	}))
	if parts < 2 {
		t.Errorf("joined in %d parts", parts)
	}
	if n := len(a.tree()); n != 6050 {
		t.Fatalf("%d files", n)
	}
	a.check()
	b.pull(a)
	b.fetch()
	if n := len(b.tree()); n != 6050 {
		t.Fatalf("%d files", n)
	}
	b.check()
}

// A session that breaks off, or holds something hostile at its end, leaves nothing however large it is.
func TestLargeSessionIsWholeOrNot(t *testing.T) {
	_, a, _ := two(t)
	l := many()
	broken := errors.New("connection lost")
	err := a.Join(func(yield func(*item.Item, error) bool) {
		for _, it := range l[:3000] {
			if !yield(it, nil) {
				return
			}
		}
		yield(nil, broken)
	}, version.Vector{stranger: 10000}, func() {})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	a.shows()
	l[len(l)-1].Place.Parent = id(999999)
	var hostile *tree.HostileError
	if err := a.Join(all(l...), version.Vector{stranger: 10000}, func() {}); !errors.As(err, &hostile) {
		t.Fatal(err)
	}
	a.shows()
	if n := len(a.known()); n != 0 {
		t.Fatalf("%d items", n)
	}
}

// A session that a crash cut off is joined from the start.
func TestRecover(t *testing.T) {
	_, a, _ := two(t)
	l := many()
	a.w.must(a.journal.Update(func(tx *journal.Tx) error { return tx.AppendRedo(l[:1000]) }))
	a.w.must(a.journal.Update(func(tx *journal.Tx) error { return tx.AppendRedo(l[5500:]) }))
	a.start() // not committed
	a.shows()
	a.w.must(a.journal.Update(func(tx *journal.Tx) error { return tx.AppendRedo(l[5500:]) }))
	a.w.must(a.journal.Update(func(tx *journal.Tx) error { return tx.CommitRedo(version.Vector{stranger: 10000}) }))
	a.start()
	if n := len(a.tree()); n != len(l[5500:]) {
		t.Fatalf("%d files", n)
	}
	a.check()
	v, err := a.Stamp(t.Context())
	a.w.must(err)
	if v[stranger] != 10000 {
		t.Fatalf("knowledge %v", v)
	}
}

// What fails on the way out of an Update changes nothing, not even what is kept in memory.
func TestUpdateIsWholeOrNot(t *testing.T) {
	_, a, _ := two(t)
	a.put("f", "x1")
	f, root := a.at("f"), a.at("")
	if err := a.Update(func(e *tree.Edit) error {
		if _, err := e.Rename(f, root, "f~", nil); err != nil {
			return err
		}
		return io.ErrUnexpectedEOF
	}); err != io.ErrUnexpectedEOF {
		t.Fatal(err)
	}
	a.shows("f=x1")
	a.rm("f")
	a.shows()
}

func TestWantedFollowsWhatIsShown(t *testing.T) {
	w, a, b := two(t)
	wanted := func() (n int) {
		b.view(func(v tree.View) error {
			return v.Tx.EachWanted(func(item.Hash, item.ID) error { n++; return nil })
		})
		return n
	}
	a.put("f", "x1")
	a.put("l", "->f")
	b.pull(a)
	if n := wanted(); n != 1 {
		t.Fatalf("%d wanted of a new file", n)
	}
	a.put("f", "x2")
	b.pull(a)
	b.shows("f=x2", "l=->f") // x1 was never here: there is nothing older to show
	if n := wanted(); n != 1 {
		t.Fatalf("%d wanted: what is shown no more is not wanted", n)
	}
	b.fetch()
	if n := wanted(); n != 0 {
		t.Fatalf("%d wanted", n)
	}
	a.put("f", "x3")
	b.pull(a)
	b.shows("f=x2", "l=->f")
	if n := wanted(); n != 1 {
		t.Fatalf("%d wanted of a newer content", n)
	}
	a.rm("f")
	b.pull(a)
	b.shows("l=->f")
	if n := wanted(); n != 0 {
		t.Fatalf("%d wanted of what was removed", n)
	}
	w.agree("l=->f")
}

// Where a content of the older state has become an item of its own the known state is shown at once.
func TestOlderStateGivesWayToACopy(t *testing.T) {
	w, l := newWorld(t, "A", "B", "C")
	a, b, c := l[0], l[1], l[2]
	a.put("f", "x1")
	w.settle()
	a.put("f", "x2")
	b.put("f", "x3")
	w.settle()
	a.mv("f", "g") // writes the copy down
	a.put("g", "x4")
	c.pull(a)
	if got := c.tree(); got["g"] != "x4" || len(got) != 2 {
		t.Fatalf("%v", got)
	}
	c.check()
}

// A copy that has become an item is not shown beside it, wherever that is.
func TestCopyThatIsAnItem(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "x1")
	w.settle()
	a.put("f", "x2")
	b.put("f", "x3")
	w.settle()
	a.check()
	var copied item.ID
	for p := range a.tree() {
		if n := a.at(p); n.IsCopy() {
			copied = n.IDs[0]
		}
	}
	it := state(1, false, item.Root, "elsewhere")
	it.ID = copied
	w.must(a.Join(all(it), version.Vector{stranger: 1}, func() {}))
	a.shows("f=x3", "elsewhere=x1")
}

// A directory that moves is one item, whatever is in it.
func TestDirectoryMoveIsOneItem(t *testing.T) {
	_, a, b := two(t)
	a.mkdir("d")
	d := a.at("d")
	a.update(func(e *tree.Edit) error {
		for i := range 300 {
			if _, err := e.Create(d, fmt.Sprint("f", i), bytes("x"), mode, false); err != nil {
				return err
			}
		}
		return nil
	})
	b.pull(a)
	b.fetch()
	a.mv("d", "e")
	if n := len(b.offered(a)); n != 1 {
		t.Fatalf("%d items changed", n)
	}
}

// A copy that was written down from an older state, and is known to be gone, goes with that state, wherever
// the file has gone that it was a copy of.
func TestCopyKnownToBeGone(t *testing.T) {
	for name, work := range map[string]func(c *replica){
		"removed": func(c *replica) { c.rm("f") },
		"moved":   func(c *replica) { c.mv("f", "h") },
	} {
		t.Run(name, func(t *testing.T) {
			w, l := newWorld(t, "A", "B", "C")
			a, b, c := l[0], l[1], l[2]
			for _, r := range l {
				r.found("f", "eq")
			}
			a.put("f", "x6")
			b.put("f", "x7")
			b.pull(a)
			a.pull(b)
			c.pull(a)
			a.pull(c)
			a.put("f", "x8")
			c.fetch()
			c.pull(a)
			work(c)
			w.settle()
			for _, r := range l {
				r.check()
				if got, want := format(r.tree()), format(a.tree()); got != want {
					t.Fatalf("A shows\n%s\n%s\n%s", want, r.name, got)
				}
			}
		})
	}
}
