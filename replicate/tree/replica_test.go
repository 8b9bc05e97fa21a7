package tree_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate/tree"
	"syncfs/replicate/view"
)

// A fataler is a *testing.T or a *rapid.T.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// A world is a few replicas and the time.
type world struct {
	t        fataler
	clock    time.Duration
	rand     *rand.ChaCha8
	replicas []*replica

	lastKnowledge version.Vector // of the last offer
}

// A replica is a tree on a journal in memory. Its disk is always what the view shows, but where a test
// hands in a node that it looked up before.
type replica struct {
	*tree.Tree
	w       *world
	name    string
	journal *journal.Journal
	seen    shadow
}

func newWorld(t *testing.T, names ...string) (*world, []*replica) {
	w := &world{t: t, clock: time.Second, rand: rand.NewChaCha8([32]byte{1})}
	for _, n := range names {
		w.add(n)
	}
	t.Cleanup(w.close)
	return w, w.replicas
}

func two(t *testing.T) (w *world, a, b *replica) {
	w, l := newWorld(t, "A", "B")
	return w, l[0], l[1]
}

func (w *world) add(name string) *replica {
	j, err := journal.Open(journal.Options{InMemory: true})
	w.must(err)
	r := &replica{w: w, name: name, journal: j, seen: shadow{}}
	w.replicas = append(w.replicas, r)
	r.start()
	return r
}

func (w *world) close() {
	for _, r := range w.replicas {
		r.journal.Close()
	}
}

// start starts the daemon anew.
func (r *replica) start() {
	t, err := tree.New(r.journal, tree.Options{Name: r.name, Now: func() int64 { return int64(r.w.clock) }, Rand: r.w.rand})
	r.w.must(err)
	r.w.must(t.Recover())
	r.Tree = t
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%v", err)
	}
}

// bytes is a content that holds name; "->x" is a symlink to x.
func bytes(name string) item.Content {
	if target, ok := strings.CutPrefix(name, "->"); ok {
		return item.Content{Symlink: true, Target: target, Size: int64(len(target))}
	}
	var root item.Hash
	copy(root[:], name)
	return item.Content{Root: root, Size: int64(len(name)), MTime: 7}
}

// text is what bytes was made of.
func text(c *item.Content) string {
	if c == nil {
		return ""
	}
	if c.Symlink {
		return "->" + c.Target
	}
	return strings.TrimRight(string(c.Root[:]), "\x00")
}

var mode = tree.Meta{item.Mode: "644"}

func (r *replica) update(fn func(e *tree.Edit) error) {
	r.w.t.Helper()
	r.w.clock += time.Second
	r.w.must(r.Update(fn))
}

func (r *replica) view(fn func(v tree.View) error) {
	r.w.t.Helper()
	r.w.must(r.View(fn))
}

// find is the node of a path, "" the root.
func (r *replica) find(path string) (n tree.Node, ok bool) {
	r.w.t.Helper()
	r.view(func(v tree.View) (err error) {
		n, ok = v.Root(), true
		if path == "" {
			return nil
		}
		for _, name := range strings.Split(path, "/") {
			if n, ok, err = v.Lookup(n, name); err != nil || !ok {
				return err
			}
		}
		return nil
	})
	return n, ok
}

// at is the node of a path that must be there.
func (r *replica) at(path string) tree.Node {
	r.w.t.Helper()
	n, ok := r.find(path)
	if !ok {
		r.w.t.Fatalf("%s has no %s: %v", r.name, path, r.tree())
	}
	return n
}

func split(path string) (dir, name string) {
	i := strings.LastIndex(path, "/")
	return path[:max(i, 0)], path[i+1:]
}

func (r *replica) put(path, content string) (id item.ID) {
	r.w.t.Helper()
	old, there := r.find(path)
	dir, name := split(path)
	up := r.at(dir)
	r.update(func(e *tree.Edit) (err error) {
		if there {
			id, err = e.Write(old, bytes(content))
		} else {
			id, err = e.Create(up, name, bytes(content), mode, false)
		}
		return err
	})
	return id
}

func (r *replica) create(path string) (id item.ID) {
	r.w.t.Helper()
	dir, name := split(path)
	up := r.at(dir)
	r.update(func(e *tree.Edit) (err error) {
		id, err = e.Create(up, name, bytes("(empty)"), mode, true)
		return err
	})
	return id
}

func (r *replica) mkdir(path string) (id item.ID) {
	r.w.t.Helper()
	dir, name := split(path)
	up := r.at(dir)
	r.update(func(e *tree.Edit) (err error) {
		id, err = e.Mkdir(up, name, tree.Meta{item.Mode: "755"})
		return err
	})
	return id
}

func (r *replica) rm(path string) (b tree.Became) {
	r.w.t.Helper()
	n := r.at(path)
	r.update(func(e *tree.Edit) (err error) {
		if n.Dir {
			return e.Rmdir(n)
		}
		b, err = e.Unlink(n)
		return err
	})
	return b
}

func (r *replica) mv(from, to string) (id item.ID) {
	r.w.t.Helper()
	n, dir, name := r.at(from), "", ""
	dir, name = split(to)
	up := r.at(dir)
	var over *tree.Node
	if t, there := r.find(to); there {
		over = &t
	}
	r.update(func(e *tree.Edit) (err error) {
		id, err = e.Rename(n, up, name, over)
		return err
	})
	return id
}

func (r *replica) link(path, to string) (id item.ID) {
	r.w.t.Helper()
	n, dir, name := r.at(path), "", ""
	dir, name = split(to)
	up := r.at(dir)
	r.update(func(e *tree.Edit) (err error) {
		id, _, err = e.Link(n, up, name, *n.Content, mode)
		return err
	})
	return id
}

func (r *replica) set(path, key, value string) {
	r.w.t.Helper()
	n := r.at(path)
	r.update(func(e *tree.Edit) error { return e.SetMeta(n, key, value) })
}

// pull brings to r what from has.
func (r *replica) pull(from *replica) {
	r.w.t.Helper()
	r.w.must(r.Join(all(r.offered(from)...), r.w.lastKnowledge, func() {}))
}

func (r *replica) offered(from *replica) (states []*item.Item) {
	r.w.t.Helper()
	have, err := r.Stamp(context.Background())
	r.w.must(err)
	r.w.must(from.Offer(have,
		func(v version.Vector) error { r.w.lastKnowledge = v; return nil },
		func(it *item.Item) error { states = append(states, it); return nil }))
	return states
}

func all(states ...*item.Item) func(func(*item.Item, error) bool) {
	return func(yield func(*item.Item, error) bool) {
		for _, it := range states {
			if !yield(it, nil) {
				return
			}
		}
	}
}

// fetch brings all contents that r wants.
func (r *replica) fetch() {
	r.w.t.Helper()
	type want struct {
		root item.Hash
		id   item.ID
	}
	var l []want
	r.update(func(e *tree.Edit) error {
		err := e.Tx.EachWanted(func(root item.Hash, id item.ID) error { l = append(l, want{root, id}); return nil })
		for _, x := range l {
			if err == nil {
				err = e.Arrived(x.id, x.root)
			}
		}
		return err
	})
}

// settle lets all meet, content and all, often enough.
func (w *world) settle() {
	for range 3 {
		for _, a := range w.replicas {
			for _, b := range w.replicas {
				if a != b {
					a.pull(b)
				}
			}
			a.fetch()
		}
	}
}

// tree is what r shows: for a file its content, for a directory "".
func (r *replica) tree() map[string]string {
	r.w.t.Helper()
	m := map[string]string{}
	r.view(func(v tree.View) error {
		var walk func(tree.Node, string) error
		walk = func(dir tree.Node, path string) error {
			nodes, err := v.List(dir)
			for _, n := range nodes {
				p := path + n.Name
				m[p] = text(n.Content)
				if n.Dir && err == nil {
					err = walk(n, p+"/")
				}
			}
			return err
		}
		return walk(v.Root(), "")
	})
	return m
}

func format(m map[string]string) string {
	var l []string
	for p, c := range m {
		l = append(l, p+"="+c)
	}
	slices.Sort(l)
	return strings.Join(l, "\n")
}

// shows holds what r shows against lines "path=content".
func (r *replica) shows(want ...string) {
	r.w.t.Helper()
	slices.Sort(want)
	if got := format(r.tree()); got != strings.Join(want, "\n") {
		r.w.t.Fatalf("%s shows\n%s\nnot\n%s", r.name, got, strings.Join(want, "\n"))
	}
	r.check()
}

// agree lets all meet and holds what they show then against lines.
func (w *world) agree(want ...string) {
	w.t.Helper()
	w.settle()
	for _, r := range w.replicas {
		r.shows(want...)
	}
}

// known is every item that r knows.
func (r *replica) known() map[item.ID]*item.Item {
	m := map[item.ID]*item.Item{}
	r.view(func(v tree.View) error {
		return v.Tx.EachKnown(func(it *item.Item) error { m[it.ID] = it; return nil })
	})
	return m
}

// check holds all that is kept incrementally against the view computed whole: the tree, what was marked
// dirty, and the conflicts.
func (r *replica) check() {
	r.w.t.Helper()
	r.view(func(v tree.View) error {
		items := map[item.ID]*item.Item{}
		keep := func(it *item.Item) error { items[it.ID] = it; return nil }
		r.w.must(v.Tx.EachKnown(keep))
		r.w.must(v.Tx.EachOlder(keep))
		whole := view.Whole(items)
		r.w.must(r.checkDir(v, v.Root(), whole.Root))
		for id, b := range whole.By {
			r.w.must(checkNodeOf(v, id, b))
		}
		return r.checkConflicts(v, whole)
	})
	r.seen.follow(r)
	r.seen.check(r)
}

func (r *replica) checkDir(v tree.View, dir tree.Node, want *view.Branch) error {
	nodes, err := v.List(dir)
	if err != nil {
		return err
	}
	if len(nodes) != len(want.Kids) {
		return fmt.Errorf("%s lists %v in %q; the view shows %v", r.name, nodes, want.Path(), want.Kids)
	}
	for _, n := range nodes {
		k := want.Kids[n.Name]
		if k == nil || sign(n.Node) != sign(k.Node) {
			return fmt.Errorf("%s shows %v in %q; the view %v", r.name, n.Node, want.Path(), k)
		}
		if n.Dir {
			if err := r.checkDir(v, n, k); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkNodeOf(v tree.View, id item.ID, b *view.Branch) error {
	n, ok := v.Root(), true
	var err error
	if id != item.Root {
		n, ok, err = v.NodeOf(id)
	}
	if err != nil || !ok || sign(n.Node) != sign(b.Node) {
		return fmt.Errorf("NodeOf(%v) is %v, %v, %v; the view shows %v", id, n.Node, ok, err, b.Node)
	}
	if path, err := v.Path(n); err != nil || path != b.Path() {
		return fmt.Errorf("Path(%v) is %q, %v; the view has %q", n.Node, path, err, b.Path())
	}
	return nil
}

func (r *replica) checkConflicts(v tree.View, whole *view.Tree) error {
	want := map[string]bool{}
	for _, b := range whole.By {
		if !b.Dir && strings.Contains(b.Name, " (conflict ") {
			want[b.Path()] = true
		}
	}
	got, err := v.Conflicts()
	if err != nil {
		return err
	}
	for i, c := range got {
		if !want[c.Path] {
			return fmt.Errorf("%s: conflict %q is none", r.name, c.Path)
		}
		if i > 0 && c.Timestamp.Compare(got[i-1].Timestamp) < 0 {
			return fmt.Errorf("%s: conflict %q is older than %q", r.name, c.Path, got[i-1].Path)
		}
		delete(want, c.Path)
	}
	if len(want) > 0 {
		return fmt.Errorf("%s: conflicts not listed: %v", r.name, want)
	}
	return nil
}

// sign is all that a disk has to know of a node.
func sign(n view.Node) string {
	s := fmt.Sprint(n.IDs, n.Dir, strconv.Quote(n.Name), n.CopyOf, n.CopyDots, n.Repaired)
	if n.Content != nil {
		s += fmt.Sprint(*n.Content)
	}
	return s
}

// id is a fixed ID.
func id(n uint64) (id item.ID) {
	binary.BigEndian.PutUint64(id[8:], n)
	return id
}
