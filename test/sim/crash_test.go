package sim

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"syncfs/journal/item"
	"syncfs/replicate/tree"
)

// A session too large for one transaction is joined in many. Wherever a crash cuts it, the replica that
// comes up again has joined all of it or nothing.
func TestCrashWithinALargeSession(t *testing.T) {
	w := newWorld(Setup{Seed: 1})
	defer w.close()
	a, b := w.join("A", 0), w.join("B", time.Second)
	w.put(b, "/d1", "x0") // meets a directory
	fill(w, a)
	o := w.offer(a, b)

	before := w.look(b).tree
	backups := []*backup{w.backUp(b)}
	joined := make(chan error)
	go func() { joined <- b.tree.Join(o.all(), o.knowledge, func() {}) }()
	for under := true; under; {
		select {
		case err := <-joined:
			w.must(err)
			under = false
		default:
			backups = append(backups, w.backUp(b))
		}
	}
	b.now = nil
	after := w.look(b).tree
	if len(after) < len(o.states) || maps.Equal(before, after) {
		t.Fatalf("joined %d states, and shows %d", len(o.states), len(after))
	}
	whole := 0
	for _, c := range backups {
		r := &Replica{name: "B"}
		w.open(r, c)
		if got := w.look(r).tree; maps.Equal(got, after) {
			whole++
		} else if !maps.Equal(got, before) {
			t.Errorf("shows %d entries, a part of the session", len(got))
		}
		w.tidy(r)
		w.accept(r, o)
		w.tidy(r)
		if !maps.Equal(w.look(r).tree, after) {
			t.Error("the session, joined again, comes to something else")
		}
		w.must(r.journal.Close())
	}
	t.Logf("of %d crashes %d came up with the session", len(backups), whole)
}

// fill makes some directories, and many files in them.
func fill(w *World, r *Replica) {
	for i := range 6 {
		dir := fmt.Sprintf("/d%d", i)
		w.mkdir(r, dir)
		d, _ := w.look(r).at(dir)
		w.must(r.tree.Update(func(e *tree.Edit) error {
			for i := range 250 {
				_, err := e.Create(d.Node, fmt.Sprint("f", i), w.content(w.fresh()), tree.Meta{item.Mode: "644"}, false)
				if err != nil {
					return err
				}
			}
			return nil
		}))
		r.now = nil
	}
}
