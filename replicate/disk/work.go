package disk

import (
	"time"

	"syncfs/journal"
	"syncfs/journal/change"
)

// A work is a file on disk whose content is to be taken. It is a value: changed, it is put anew.
type work struct {
	busy    bool           // being written: nothing is to be read before Settled
	since   time.Time      // when there was something to do first
	running bool           // with a worker
	number  uint64         // tells it from what was to be done at its key before
	whole   bool           // anything in the file may have changed
	ranges  []change.Range // else what was written
	tries   int
	inode   uint64 // of the file; 0: that of the entry in the journal, if there is one
}

// works is all such files by their directory. What a transaction changes in it is undone if the
// transaction is.
type works struct {
	by     map[journal.Slot]map[string]work
	busy   map[key]time.Time // those that are being written, and since when
	count  int               // of all
	looks  int               // entries to be observed once more
	number uint64
	todo   []key // those that may be ready for a worker
}

func newWorks() *works {
	return &works{by: map[journal.Slot]map[string]work{}, busy: map[key]time.Time{}}
}

func (w *works) get(k key) (work, bool) {
	x, ok := w.by[k.dir][k.name]
	return x, ok
}

// settled is how many wait for nothing but a worker, or the next turn of the loop.
func (w *works) settled() int { return w.count - len(w.busy) + w.looks }

// oldest is since when the file has been written that has been longest; zero: none is.
func (w *works) oldest() (first time.Time) {
	for _, since := range w.busy {
		if first.IsZero() || since.Before(first) {
			first = since
		}
	}
	return first
}

func (w *works) put(k key, x work) {
	w.del(k)
	if w.by[k.dir] == nil {
		w.by[k.dir] = map[string]work{}
	}
	w.by[k.dir][k.name] = x
	w.count++
	if x.busy {
		w.busy[k] = x.since
	} else if !x.running {
		w.todo = append(w.todo, k)
	}
}

func (w *works) del(k key) {
	if _, ok := w.get(k); !ok {
		return
	}
	delete(w.by[k.dir], k.name)
	if len(w.by[k.dir]) == 0 {
		delete(w.by, k.dir)
	}
	w.count--
	delete(w.busy, k)
}

// next is a file that is ready for a worker; it counts as running from now on.
func (w *works) next() (key, work, bool) {
	for len(w.todo) > 0 {
		k := w.todo[0]
		w.todo = w.todo[1:]
		if x, ok := w.get(k); ok && !x.busy && !x.running {
			x.running = true
			w.put(k, x)
			return k, x, true
		}
	}
	return key{}, work{}, false
}

// setWork puts x, as something new, and takes it back if the transaction fails.
func (b *batch) setWork(k key, x work) {
	if was, ok := b.f.works.get(k); x.since.IsZero() && ok {
		x.since = was.since
	} else if x.since.IsZero() {
		x.since = b.f.options.Now()
	}
	b.undoWork(k)
	b.f.works.number++
	x.number, x.running = b.f.works.number, false
	b.f.works.put(k, x)
}

func (b *batch) dropWork(k key) {
	b.undoWork(k)
	b.f.works.del(k)
}

// moveWork has what was to be done at from be done at to.
func (b *batch) moveWork(from, to key) {
	x, ok := b.toDo(from)
	b.dropWork(to)
	if ok {
		b.dropWork(from)
		b.setWork(to, x)
	}
}

func (b *batch) undoWork(k key) {
	w := b.f.works
	was, ok := w.get(k)
	b.undo(func() {
		w.del(k)
		if ok {
			was.running = false
			w.number++
			was.number = w.number
			w.put(k, was)
		}
	})
}
