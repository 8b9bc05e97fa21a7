package tree

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/name"
	"syncfs/journal/version"
)

// Options are what a Tree needs from outside.
type Options struct {
	Name string       // of the replica
	Now  func() int64 // the machine's clock, nanoseconds since 1970
	Rand io.Reader    // item IDs and the incarnation are drawn from it
}

// A Tree is the tree of one replica, from one start of the daemon to its end.
type Tree struct {
	journal     *journal.Journal
	options     Options
	incarnation version.Incarnation

	// receiving is held while a session too large for memory is taken into the redo. mu may be locked
	// after it, not before.
	receiving sync.Mutex

	// mu keeps changes apart: one Edit at a time, and none while a session is joined in several
	// transactions or is about to be read. It guards what follows. Nothing else is locked after it.
	mu         sync.RWMutex
	away       away
	unfinished bool // the redo holds a session of which a part is joined
}

// New is the tree of what j holds.
func New(j *journal.Journal, o Options) (*Tree, error) {
	if err := name.CheckReplica(o.Name); err != nil {
		return nil, err
	}
	t := &Tree{journal: j, options: o}
	for t.incarnation == version.Provisional {
		id, err := draw(o.Rand)
		if err != nil {
			return nil, err
		}
		for _, b := range id[:8] {
			t.incarnation = t.incarnation<<8 | version.Incarnation(b)
		}
	}
	return t, nil
}

func draw(r io.Reader) (id item.ID, err error) {
	if _, err := io.ReadFull(r, id[:]); err != nil {
		return id, fmt.Errorf("draw an ID: %w", err)
	}
	return id, nil
}

// Update makes changes in one transaction of the journal: all that fn does, or nothing. It must not
// be called, nor View, within another. After journal.ErrTooLarge fn may be split and tried again.
func (t *Tree) Update(fn func(*Edit) error) error {
	if err := t.lock(); err != nil {
		return err
	}
	defer t.mu.Unlock()
	return t.update(fn)
}

func (t *Tree) update(fn func(*Edit) error) error {
	var gone map[item.ID]item.Place
	err := t.journal.Update(func(tx *journal.Tx) error {
		e, err := newEdit(t, tx)
		if err != nil {
			return err
		}
		if err := fn(e); err != nil {
			return err
		}
		gone = e.away
		return e.finish()
	})
	if err == nil {
		t.away.add(gone)
	}
	return err
}

// batch is how many items are stamped or joined in one transaction.
const batch = 1000

// inBatches does n things in transactions of many each, of fewer where they turn out to be too large. It
// is called with mu held.
func (t *Tree) inBatches(n int, fn func(e *Edit, i int) error) error {
	for from, size := 0, batch; from < n; {
		to := min(from+size, n)
		err := t.update(func(e *Edit) error {
			for i := from; i < to; i++ {
				if err := fn(e, i); err != nil {
					return err
				}
			}
			return nil
		})
		switch {
		case errors.Is(err, journal.ErrTooLarge) && size > 1:
			size /= 2
		case err != nil:
			return err
		default:
			from = to
		}
	}
	return nil
}

// View calls fn with the tree of one moment. A session is in it whole or not at all.
func (t *Tree) View(fn func(View) error) error {
	t.mu.RLock()
	return t.snapshot(t.mu.RUnlock, func(tx *journal.Tx) error { return fn(Look(tx)) })
}

// snapshot begins to read under a lock and reads on without it.
func (t *Tree) snapshot(unlock func(), fn func(*journal.Tx) error) error {
	var once sync.Once
	defer once.Do(unlock)
	return t.journal.View(func(tx *journal.Tx) error {
		once.Do(unlock)
		return fn(tx)
	})
}

// away is where files were before their last rename, since the daemon's start, of the latest few: an
// editor that moves the old file away and writes a new one removes the old one soon.
type away struct {
	place map[item.ID]item.Place
	order []item.ID // the oldest first
}

const maxAway = 4096

func (a *away) add(moved map[item.ID]item.Place) {
	if a.place == nil {
		a.place = map[item.ID]item.Place{}
	}
	for id := range moved {
		if _, ok := a.place[id]; !ok {
			a.order = append(a.order, id)
		}
	}
	maps.Copy(a.place, moved)
	if over := len(a.order) - maxAway; over > 0 {
		for _, id := range a.order[:over] {
			delete(a.place, id)
		}
		a.order = slices.Clone(a.order[over:])
	}
}
