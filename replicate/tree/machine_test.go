package tree_test

import (
	"flag"
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

// A few histories with each run of the tests; more with -rapid.checks. The many are in test/sim.
func init() {
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
}

// TestOperationLaw makes random changes and sessions. Each change of a program must change the tree by
// exactly itself; after each, all that is kept incrementally must be what the view computes whole; and in
// the end all replicas must agree.
func TestOperationLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, clock: time.Second, rand: rand.NewChaCha8([32]byte{byte(rapid.Uint8().Draw(t, "rand"))})}
		defer w.close()
		for _, n := range []string{"A", "B", "C"} {
			w.add(n)
		}
		m := &machine{world: w}
		m.start(t)
		t.Repeat(map[string]func(*rapid.T){
			"put":     m.put,
			"mkdir":   m.mkdir,
			"move":    m.move,
			"cross":   m.cross,
			"remove":  m.remove,
			"swap":    m.swap,
			"chmod":   m.chmod,
			"link":    m.link,
			"session": m.session,
			"fetch":   func(t *rapid.T) { m.replica(t).fetch() },
			"restart": func(t *rapid.T) { m.replica(t).start() },
			"": func(*rapid.T) {
				for _, r := range m.drawn {
					r.check()
				}
				m.drawn = nil
			},
		})
		w.settle()
		want := w.replicas[0].tree()
		for _, r := range w.replicas {
			r.check()
			if got := r.tree(); !maps.Equal(got, want) {
				t.Fatalf("A shows\n%s\n%s\n%s", format(want), r.name, format(got))
			}
		}
	})
}

type machine struct {
	*world
	contents int
	drawn    []*replica // since the last check
}

// start gives all replicas a few directories to move about.
func (m *machine) start(*rapid.T) {
	for _, d := range []string{"a", "b", "c", "a/a", "b/b"} {
		m.replicas[0].mkdir(d)
	}
	m.replicas[0].put("a/a/c", "x0")
	for _, r := range m.replicas[1:] {
		r.pull(m.replicas[0])
		r.fetch()
	}
}

func (m *machine) replica(t *rapid.T) *replica {
	return rapid.SampledFrom(m.replicas).Draw(t, "replica")
}

func (m *machine) name(t *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
}

// path draws something that r shows, "" where it shows nothing.
func (m *machine) path(t *rapid.T, r *replica, dir, file bool) string {
	var l []string
	for p, c := range r.tree() {
		if c == "" && dir || c != "" && file {
			l = append(l, p)
		}
	}
	if len(l) == 0 {
		return ""
	}
	slices.Sort(l)
	return rapid.SampledFrom(l).Draw(t, "path")
}

// target draws a name in some directory of r.
func (m *machine) target(t *rapid.T, r *replica) string {
	dir := ""
	if rapid.Bool().Draw(t, "below") {
		dir = m.path(t, r, true, false)
	}
	return strings.TrimPrefix(dir+"/"+m.name(t), "/")
}

// law holds what a change made of the tree of r against what it was to make of it.
func (m *machine) law(t *rapid.T, r *replica, what string, change func(), expect func(tree map[string]string)) {
	want := r.tree()
	expect(want)
	change()
	if got := r.tree(); !maps.Equal(got, want) {
		t.Fatalf("%s: %s made\n%s\nnot\n%s", r.name, what, format(got), format(want))
	}
}

func (m *machine) put(t *rapid.T) {
	r := m.replica(t)
	p := m.target(t, r)
	if n, ok := r.find(p); ok && n.Dir {
		return
	}
	c := rapid.SampledFrom([]string{"same", "->same", fmt.Sprint("x", m.contents+1)}).Draw(t, "content")
	m.contents++
	m.law(t, r, "put "+p+" "+c, func() { r.put(p, c) }, func(tree map[string]string) { tree[p] = c })
}

func (m *machine) mkdir(t *rapid.T) {
	r := m.replica(t)
	p := m.target(t, r)
	if _, taken := r.find(p); taken {
		return
	}
	m.law(t, r, "mkdir "+p, func() { r.mkdir(p) }, func(tree map[string]string) { tree[p] = "" })
}

func within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

func (m *machine) move(t *rapid.T) {
	r := m.replica(t)
	m.mv(t, r, m.path(t, r, true, rapid.Bool().Draw(t, "file")), m.target(t, r))
}

func (m *machine) mv(t *rapid.T, r *replica, from, to string) {
	shown := r.tree()
	if from == "" || within(to, from) {
		return
	}
	if c, taken := shown[to]; taken {
		if (c == "") != (shown[from] == "") || !empty(shown, to) {
			return
		}
	}
	m.law(t, r, "mv "+from+" "+to, func() { r.mv(from, to) }, func(tree map[string]string) {
		for p, c := range shown {
			if within(p, from) {
				delete(tree, p)
				tree[to+p[len(from):]] = c
			}
		}
	})
}

func empty(tree map[string]string, dir string) bool {
	for p := range tree {
		if p != dir && within(p, dir) {
			return false
		}
	}
	return true
}

// cross moves one directory into another here, and the other way round elsewhere.
func (m *machine) cross(t *rapid.T) {
	a, b := m.replica(t), m.replica(t)
	p, q := m.path(t, a, true, false), m.path(t, a, true, false)
	for _, x := range []struct {
		r        *replica
		from, to string
	}{{a, p, q}, {b, q, p}} {
		from, ok := x.r.find(x.from)
		to, ok2 := x.r.find(x.to)
		if ok && ok2 && from.Dir && to.Dir && x.to != "" {
			m.mv(t, x.r, x.from, x.to+"/"+m.name(t))
		}
	}
}

func (m *machine) remove(t *rapid.T) {
	r := m.replica(t)
	p := m.path(t, r, rapid.Bool().Draw(t, "directory"), true)
	if p == "" || !empty(r.tree(), p) {
		return
	}
	m.law(t, r, "rm "+p, func() { r.rm(p) }, func(tree map[string]string) { delete(tree, p) })
}

func (m *machine) swap(t *rapid.T) {
	r := m.replica(t)
	a, b := m.path(t, r, true, true), m.path(t, r, true, true)
	if a == "" || within(a, b) || within(b, a) {
		return
	}
	x, y := r.at(a), r.at(b)
	shown := r.tree()
	m.law(t, r, "exchange "+a+" "+b, func() {
		r.update(func(e *tree.Edit) error {
			_, _, err := e.Exchange(x, y)
			return err
		})
	}, func(tree map[string]string) {
		maps.DeleteFunc(tree, func(p, _ string) bool { return within(p, a) || within(p, b) })
		for p, c := range shown {
			if within(p, a) {
				tree[b+p[len(a):]] = c
			} else if within(p, b) {
				tree[a+p[len(b):]] = c
			}
		}
	})
}

func (m *machine) chmod(t *rapid.T) {
	r := m.replica(t)
	if p := m.path(t, r, true, true); p != "" {
		m.law(t, r, "chmod "+p, func() { r.set(p, item.Mode, "700") }, func(map[string]string) {})
		if got := r.at(p).Meta[item.Mode]; got != "700" {
			t.Fatalf("mode %s", got)
		}
	}
}

func (m *machine) link(t *rapid.T) {
	r := m.replica(t)
	p, to := m.path(t, r, false, true), m.target(t, r)
	if _, taken := r.find(to); taken || p == "" {
		return
	}
	c := r.tree()[p]
	m.law(t, r, "link "+p+" "+to, func() { r.link(p, to) }, func(tree map[string]string) { tree[to] = c })
	if g := r.at(to).Group(); g == item.Root || r.at(p).Group() != g {
		t.Fatalf("groups %v and %v", r.at(p).Group(), g)
	}
}

func (m *machine) session(t *rapid.T) {
	to, from := m.replica(t), m.replica(t)
	if to != from {
		to.pull(from)
	}
}
