package sim

import (
	"bytes"
	"maps"
	"time"

	"syncfs/journal"
	"syncfs/replicate/tree"
)

// A Replica is a journal and the tree on it; there is no disk.
type Replica struct {
	name    string
	journal *journal.Journal
	tree    *tree.Tree
	skew    time.Duration
	seen    map[int]bool // user operations that it knows of
	synced  *backup      // what a crash leaves
	now     *moment      // nil: look again
	lag     *moment      // before the last session; nil: a program has changed something since
	onDisk  *moment      // when the disk was last told; nil: never
}

// A backup is a copy of a replica's journal.
type backup struct {
	bytes []byte
	seen  map[int]bool
}

// join makes a new member.
func (w *World) join(name string, skew time.Duration) *Replica {
	r := &Replica{name: name, skew: skew, seen: map[int]bool{}}
	w.open(r, nil)
	w.replicas = append(w.replicas, r)
	w.fsync(r)
	return r
}

// open gives r a journal, new or from a backup, and starts its daemon.
func (w *World) open(r *Replica, b *backup) {
	j, err := journal.Open(journal.Options{InMemory: true})
	w.must(err)
	if b != nil {
		w.must(j.Restore(bytes.NewReader(b.bytes)))
		r.seen = maps.Clone(b.seen)
	}
	if r.journal != nil {
		w.must(r.journal.Close())
	}
	r.journal, r.lag, r.onDisk = j, nil, nil
	w.start(r)
}

// start starts the daemon anew: what it changes from here on is another history.
func (w *World) start(r *Replica) {
	t, err := tree.New(r.journal, tree.Options{
		Name: r.name,
		Now:  func() int64 { return int64(w.clock + r.skew) },
		Rand: w.rand,
	})
	w.must(err)
	w.must(t.Recover())
	r.tree, r.now = t, nil
}

func (w *World) replica(name string) *Replica {
	for _, r := range w.replicas {
		if r.name == name {
			return r
		}
	}
	return nil
}

func (w *World) close() {
	for _, r := range w.replicas {
		r.journal.Close()
	}
}

// backUp is a copy of r as it is.
func (w *World) backUp(r *Replica) *backup {
	var b bytes.Buffer
	w.must(r.journal.Backup(&b))
	return &backup{b.Bytes(), maps.Clone(r.seen)}
}

// fsync makes what r knows survive a crash. It costs a copy of the journal, so it is done only where a
// crash is to come.
func (w *World) fsync(r *Replica) {
	if w.crashes {
		r.synced = w.backUp(r)
	}
}

// setBack makes r an older state of itself: what was last fsynced, or a backup, and then it forgets what
// it knew, so sessions begun for it are void.
func (w *World) setBack(r *Replica, b *backup, restore bool) {
	before := r.seen
	w.open(r, b)
	if restore {
		w.restored = true
		keep := w.late[:0]
		for _, l := range w.late {
			if l.to != r.name {
				keep = append(keep, l)
			}
		}
		w.late = keep
		w.fsync(r)
	}
	w.forget(r, before)
}

// forget excuses the oracles from what is nowhere any more.
func (w *World) forget(r *Replica, before map[int]bool) {
	known := map[int]bool{}
	for _, o := range w.replicas {
		maps.Copy(known, o.seen)
	}
	for n := range before {
		if !known[n] {
			w.crashed = true
			for _, c := range w.ops[n].wrote {
				w.covered[c] = true
			}
		}
	}
	keep := w.deletions[:0]
	for _, d := range w.deletions {
		if d.by != r.name || r.seen[d.op] {
			keep = append(keep, d)
		}
	}
	w.deletions = keep
}
