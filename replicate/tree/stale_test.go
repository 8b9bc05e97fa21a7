package tree_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"syncfs/journal/item"
	"syncfs/replicate/tree"

	"pgregory.net/rapid"
)

// The view may be ahead of the disk. A program that works on what the disk shows must neither lose what it
// does, nor supersede what it has not seen.

func (r *replica) write(n tree.Node, content string) (id item.ID) {
	r.w.t.Helper()
	r.update(func(e *tree.Edit) (err error) { id, err = e.Write(n, bytes(content)); return err })
	return id
}

func TestWriteKeepsUnseenContent(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "x1")
	w.settle()
	before := b.at("f")
	a.put("f", "x2")
	b.pull(a)
	b.fetch() // the view shows x2; the disk x1 still
	b.shows("f=x2")
	b.write(before, "x3")
	if got := b.tree(); len(got) != 2 || got["f"] != "x3" {
		t.Fatalf("%v", got)
	}
	b.check()
	w.settle()
	if got := a.tree(); len(got) != 2 || got["f"] != "x3" {
		t.Fatalf("%v", got)
	}
}

// A file that shows an older state waits for a peer's content and for one of its own, which a program has
// overwritten on disk already. The peer's comes; then the write is told: there is nothing left to wait for.
func TestOlderStateEndsWithWhatItWaitedForLast(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "x1")
	w.settle()
	a.put("f", "x2")
	b.pull(a)
	id := b.put("f", "x3")
	b.shows("f=x3")
	b.update(func(e *tree.Edit) error {
		if err := e.Tx.PutWanted(bytes("x3").Root, id); err != nil {
			return err
		}
		return e.Arrived(id, bytes("x2").Root)
	})
	b.shows("f=x3")
	b.put("f", "x4")
	if got := b.tree(); len(got) != 2 || got["f"] != "x4" {
		t.Fatalf("%v", got)
	}
	b.check()
	w.settle()
	if got := a.tree(); !maps.Equal(got, b.tree()) {
		t.Fatalf("%v, %v", got, b.tree())
	}
}

// A content that only the older state of a file shows is wanted for as long as that is shown.
func TestOlderStateWantsItsContent(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "x1")
	w.settle()
	a.put("f", "x2")
	b.pull(a)
	id, root := b.at("f").IDs[0], bytes("x1").Root
	b.update(func(e *tree.Edit) error {
		if shown, err := e.Want(id, root); err != nil || !shown {
			t.Errorf("not shown: %v", err)
		}
		if err := e.Arrived(id, bytes("x2").Root); err != nil {
			return err
		}
		if wanted, err := e.Tx.Wants(root, id); err != nil || wanted {
			t.Errorf("wanted still: %v", err)
		}
		if shown, err := e.Want(id, root); err != nil || shown {
			t.Errorf("shown still: %v", err)
		}
		return nil
	})
	b.shows("f=x2")
	b.check()
}

// The content seen is shown as a copy already: it is that which is superseded.
func TestWriteOverWhatIsACopyNow(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "x0")
	w.settle()
	b.put("f", "x1")
	before := b.at("f")
	a.put("f", "x2")
	b.pull(a)
	b.fetch()
	if got := b.tree(); len(got) != 2 || got["f"] != "x2" {
		t.Fatalf("%v", got)
	}
	b.write(before, "x3")
	w.settle()
	for p, c := range a.tree() {
		if c == "x1" || p == "f" && c != "x3" || p != "f" && c != "x2" {
			t.Fatalf("%v", a.tree())
		}
	}
}

func TestUnlinkKeepsUnseenContent(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "x1")
	w.settle()
	before := b.at("f")
	a.put("f", "x2")
	b.pull(a)
	b.fetch()
	b.update(func(e *tree.Edit) error { _, err := e.Unlink(before); return err })
	w.agree("f=x2")
}

func TestWorkOnWhatWasRemovedElsewhere(t *testing.T) {
	works := map[string]struct {
		work func(e *tree.Edit, f, root tree.Node) error
		want []string
	}{
		"write": {func(e *tree.Edit, f, _ tree.Node) error {
			_, err := e.Write(f, bytes("x2"))
			return err
		}, []string{"f=x2"}},
		"rename": {func(e *tree.Edit, f, root tree.Node) error {
			_, err := e.Rename(f, root, "g", nil)
			return err
		}, []string{"g=x1"}},
		"chmod":  {func(e *tree.Edit, f, _ tree.Node) error { return e.SetMeta(f, item.Mode, "600") }, []string{"f=x1"}},
		"unlink": {func(e *tree.Edit, f, _ tree.Node) error { _, err := e.Unlink(f); return err }, nil},
	}
	for name, x := range works {
		t.Run(name, func(t *testing.T) {
			w, a, b := two(t)
			a.put("f", "x1")
			w.settle()
			f, root := b.at("f"), b.at("")
			a.rm("f")
			b.pull(a)
			b.shows()
			b.update(func(e *tree.Edit) error { return x.work(e, f, root) })
			w.agree(x.want...)
		})
	}
}

func TestCreateInWhatWasRemovedElsewhere(t *testing.T) {
	w, a, b := two(t)
	a.mkdir("d")
	a.mkdir("d/e")
	w.settle()
	e0 := b.at("d/e")
	a.rm("d/e")
	a.rm("d")
	b.pull(a)
	b.shows()
	b.update(func(e *tree.Edit) error {
		_, err := e.Create(e0, "f", bytes("x1"), mode, false)
		return err
	})
	w.agree("d=", "d/e=", "d/e/f=x1")
}

// The name was free on disk, but not in the view.
func TestCreateDoesNotWriteWhatItDidNotSee(t *testing.T) {
	w, a, b := two(t)
	root := b.at("")
	a.put("f", "x1")
	b.pull(a)
	b.update(func(e *tree.Edit) error {
		_, err := e.Create(root, "f", bytes("x2"), mode, false)
		return err
	})
	w.settle()
	if got := a.tree(); len(got) != 2 || got["f"] != "x1" {
		t.Fatalf("%v", got)
	}
}

func TestRenameOverUnseenContent(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "x1")
	w.settle()
	f, root := b.at("f"), b.at("")
	a.put("f", "x2")
	b.pull(a)
	b.fetch()
	b.put("tmp", "x3")
	tmp := b.at("tmp")
	b.update(func(e *tree.Edit) error { _, err := e.Rename(tmp, root, "f", &f); return err })
	w.settle()
	if got := a.tree(); len(got) != 2 || got["f"] != "x3" {
		t.Fatalf("%v", got)
	}
}

// A copy that the disk shows still, though its content was replaced where it came from.
func TestWorkOnACopyThatIsNoMore(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "x0")
	w.settle()
	a.put("f", "x1")
	b.put("f", "x2")
	w.settle()
	var copied tree.Node
	for p := range b.tree() {
		if n := b.at(p); n.IsCopy() {
			copied = n
		}
	}
	for p := range a.tree() {
		if p != "f" {
			a.rm(p)
		}
	}
	w.agree("f=x2")
	b.write(copied, "x3")
	w.agree("f=x2", copied.Name+"=x3")
}

func TestExchange(t *testing.T) {
	w, a, b := two(t)
	a.mkdir("d")
	a.put("d/f", "x1")
	a.put("g", "x2")
	w.settle()
	x, y := a.at("d"), a.at("g")
	a.update(func(e *tree.Edit) error {
		_, _, err := e.Exchange(x, y)
		return err
	})
	a.shows("d=x2", "g=", "g/f=x1")
	b.rm("g")
	b.put("d/f", "x3")
	w.agree("d=x2", "g=", "g/f=x3")
}

// TestStaleNodes makes random changes on what a disk showed before a session was joined. What the program
// did not have before it must not be lost by that, and all must still agree in the end.
func TestStaleNodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, clock: time.Second, rand: rand.NewChaCha8([32]byte{byte(rapid.Uint8().Draw(t, "rand"))})}
		defer w.close()
		m := &machine{world: w}
		for _, n := range []string{"A", "B"} {
			w.add(n)
		}
		m.start(t)
		t.Repeat(map[string]func(*rapid.T){
			"put":    m.put,
			"mkdir":  m.mkdir,
			"move":   m.move,
			"remove": m.remove,
			"cross":  m.cross,
			"stale":  m.stale,
		})
		w.settle()
		if a, b := w.replicas[0].tree(), w.replicas[1].tree(); !maps.Equal(a, b) {
			t.Fatalf("A shows\n%s\nB\n%s", format(a), format(b))
		}
	})
}

// A look is what a program sees at a path.
type look struct {
	path string
	node tree.Node
}

func (m *machine) stale(t *rapid.T) {
	r, other := m.replicas[0], m.replicas[1]
	if rapid.Bool().Draw(t, "B") {
		r, other = other, r
	}
	var seen []look
	for p := range r.tree() {
		seen = append(seen, look{p, r.at(p)})
	}
	slices.SortFunc(seen, func(a, b look) int { return strings.Compare(a.path, b.path) })
	r.pull(other)
	if rapid.Bool().Draw(t, "fetched") {
		r.fetch()
	}
	if len(seen) == 0 {
		return
	}
	before := r.tree()
	k := rapid.SampledFrom(seen).Draw(t, "node")
	dir := look{node: r.at("")}
	if d := rapid.SampledFrom(seen).Draw(t, "directory"); d.node.Dir && !within(d.path, k.path) {
		dir = d
	}
	had := map[string]bool{text(k.node.Content): true}
	m.staleWork(t, r, seen, k, dir, had)
	after := r.tree()
	for p, c := range before {
		if c == "" || had[c] || c == "same" || c == "->same" {
			continue
		}
		if !slices.Contains(slices.Collect(maps.Values(after)), c) {
			t.Fatalf("%s at %s was not seen, and is lost:\n%s\nwas\n%s", c, p, format(after), format(before))
		}
	}
	r.check()
}

func (m *machine) staleWork(t *rapid.T, r *replica, seen []look, k, dir look, had map[string]bool) {
	name := m.name(t)
	work := rapid.SampledFrom([]string{"write", "remove", "move", "create", "chmod"}).Draw(t, "work")
	var over *tree.Node
	for _, s := range seen {
		if s.path == strings.TrimPrefix(dir.path+"/"+name, "/") {
			over = &s.node
		}
	}
	m.contents++
	c := bytes(fmt.Sprint("x", m.contents))
	r.update(func(e *tree.Edit) (err error) {
		switch {
		case work == "write" && !k.node.Dir:
			_, err = e.Write(k.node, c)
		case work == "remove" && !k.node.Dir:
			_, err = e.Unlink(k.node)
		case work == "remove" && emptySeen(seen, k.path):
			err = e.Rmdir(k.node)
		case work == "chmod":
			err = e.SetMeta(k.node, item.Mode, "700")
		case work == "create" && over == nil:
			_, err = e.Create(dir.node, name, c, mode, false)
		case work == "move" && (over == nil || !over.Dir && !k.node.Dir) && (over == nil || over.IDs[0] != k.node.IDs[0]):
			if over != nil {
				had[text(over.Content)] = true
			}
			_, err = e.Rename(k.node, dir.node, name, over)
		}
		return err
	})
}

func emptySeen(seen []look, dir string) bool {
	return !slices.ContainsFunc(seen, func(s look) bool { return s.path != dir && within(s.path, dir) })
}
