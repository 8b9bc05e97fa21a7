package sim

import (
	"fmt"
	"math/rand"
	"slices"
	"time"

	"syncfs/replicate/tree"
)

// A Setup is what a history begins with.
type Setup struct {
	Seed     int64 // of IDs and incarnations
	Replicas int
	Skew     []time.Duration // of their clocks; of later members as well
	Start    Start
}

// A Start is what is in the folders at the beginning.
type Start int

// The ways to begin.
const (
	Empty  Start = iota
	Shared       // a tree that all have
	Apart        // folders that were filled before they met
)

// Draw draws a history of up to 4+length steps.
func Draw(seed int64, length int) (Setup, []Step) {
	r := rand.New(rand.NewSource(seed))
	u := Setup{Seed: seed, Replicas: 2 + r.Intn(4), Skew: make([]time.Duration, 5), Start: Start(r.Intn(3))}
	for i := range u.Skew {
		if r.Intn(2) == 0 {
			u.Skew[i] = time.Duration(r.Intn(200)) * time.Second
		}
	}
	if r.Intn(20) == 0 {
		u.Skew[0] = 100_000 * time.Hour
	}
	steps := make([]Step, 5+r.Intn(length))
	for i := range steps {
		steps[i] = Step{drawEvent(r.Intn(100)), r.Intn(60), r.Intn(60), r.Intn(60), r.Intn(60)}
	}
	return u, steps
}

func drawEvent(n int) Event {
	for e := Write; ; e++ {
		if n -= weights[e]; n < 0 {
			return e
		}
	}
}

// A Result is how a history ended.
type Result struct {
	Failure    string // empty: clean
	Log        []string
	Operations int // of programs
	Rounds     int // in which all met until nothing changed
}

// Run runs a history. A log costs time.
func Run(u Setup, steps []Step, log bool) (res Result) {
	w := newWorld(u)
	w.verbose = log
	defer w.close()
	defer func() {
		res.Log, res.Operations, res.Rounds = w.log, len(w.ops), w.rounds
		if x := recover(); x != nil {
			f, ok := x.(failure)
			if !ok {
				panic(fmt.Sprintf("seed %d: %v", u.Seed, x))
			}
			res.Failure = string(f)
		}
	}()
	w.crashes = crashIn(steps)
	for i := range u.Replicas {
		w.join(string(rune('A'+i)), u.Skew[i])
	}
	w.begin()
	for i, s := range steps {
		w.crashes = crashIn(steps[i:])
		w.step(s)
		if i%5 == 4 {
			w.sound()
		}
	}
	w.crashes = false
	w.finish()
	return res
}

func crashIn(steps []Step) bool {
	return slices.ContainsFunc(steps, func(s Step) bool { return s.Event == Crash })
}

// begin fills the folders.
func (w *World) begin() {
	switch r := w.replicas[0]; w.setup.Start {
	case Shared:
		for _, p := range []string{"/a", "/b", "/c", "/a/a", "/b/b", "/a/a/c"} {
			w.mkdir(r, p)
		}
		for _, p := range []string{"/a/b", "/b/a", "/c/a", "/a/a/c/a"} {
			w.put(r, p, w.fresh())
		}
		for _, o := range w.replicas[1:] {
			w.half(o, r)
		}
	case Apart:
		for i, r := range w.replicas[:min(3, len(w.replicas))] {
			w.prefill(r, i+int(w.setup.Skew[4]/time.Second))
		}
	}
}

// prefill is first contact: a folder that was filled before it became a replica.
func (w *World) prefill(r *Replica, variant int) {
	adopt := func(path, content string) {
		dir, name := split(path)
		d, _ := w.look(r).at(dir)
		w.must(r.tree.Update(func(e *tree.Edit) error {
			c := w.content(content)
			_, err := e.Adopt(d.Node, name, content == "", c, tree.Meta{"mode": "755"})
			return err
		}))
		r.now = nil
		if content != "" {
			w.written[content] = true
		}
		w.logf("%s: found %s %s", r.name, path, content)
	}
	adopt("/a", "")
	adopt("/a/b", "eq1")
	adopt("/a/c", w.fresh())
	if variant%2 == 0 {
		adopt("/b", "")
		adopt("/b/a", "eq0")
		adopt("/b/b", "")
	} else {
		adopt("/b", w.fresh())
	}
	if variant%3 == 0 {
		adopt("/c", "eq1")
	}
	w.fsync(r)
}
