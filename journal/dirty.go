package journal

import (
	"errors"
	"fmt"

	"syncfs/journal/item"
)

// A Dirty marks entries of a directory whose view may differ from what is on disk: those of one
// family, or all. It is the redo of what a transaction asks of the disk.
type Dirty struct {
	Dir    item.ID
	Family string // where not All
	All    bool

	written uint64 // the Update that set it
	times   int    // and, if that is this one, how often it had by then
}

const (
	dirtyAll    = 1
	dirtyFamily = 2
)

func (d Dirty) key() []byte {
	k := append([]byte{kindDirty}, d.Dir[:]...)
	if d.All {
		return append(k, dirtyAll)
	}
	return append(append(k, dirtyFamily), d.Family...)
}

// MarkDirty marks one family of a directory.
func (tx *Tx) MarkDirty(dir item.ID, family string) error {
	return tx.setDirty(Dirty{Dir: dir, Family: family})
}

// MarkDirtyDir marks all families of a directory.
func (tx *Tx) MarkDirtyDir(dir item.ID) error { return tx.setDirty(Dirty{Dir: dir, All: true}) }

func (tx *Tx) setDirty(d Dirty) error {
	key := d.key()
	if tx.marked == nil {
		tx.marked = map[string]int{}
	}
	tx.marked[string(key)]++
	return tx.set(key, nil)
}

// EachDirty calls fn with every mark.
func (tx *Tx) EachDirty(fn func(Dirty) error) error {
	c := tx.cursor([]byte{kindDirty})
	defer c.close()
	for c.seek([]byte{kindDirty}); c.key != ""; c.next() {
		d, err := parseDirty(c.key)
		if err != nil {
			return err
		}
		d.written, d.times = c.written(), tx.marked[c.key]
		if err := fn(d); err != nil {
			return err
		}
	}
	return c.err
}

// Dirty is the mark of one family, if it is there.
func (tx *Tx) Dirty(dir item.ID, family string) (Dirty, bool, error) {
	d := Dirty{Dir: dir, Family: family}
	var ok bool
	var err error
	key := d.key()
	d.written, ok, err = tx.written(key)
	d.times = tx.marked[string(key)]
	return d, ok, err
}

// ClearDirty takes a mark away, unless it was set again since it was read: what it asks for then may be
// more than what was done.
func (tx *Tx) ClearDirty(d Dirty) error {
	key := d.key()
	written, ok, err := tx.written(key)
	if err != nil || !ok || written != d.written || written == 0 && tx.marked[string(key)] != d.times {
		return err
	}
	if written > 0 {
		return tx.delete(key)
	}
	// Set by this Update: if there was none before it nothing is left of it, and those who walk the marks
	// need not pass over it.
	if before, err := tx.read(key); err != nil || before != nil {
		return errors.Join(err, tx.delete(key))
	}
	tx.writes.remove(key)
	return nil
}

// Marks is how many Updates have marked something since the journal was opened: while it stays what it was,
// no mark has been added.
func (j *Journal) Marks() uint64 { return j.marks.Load() }

func parseDirty(key string) (Dirty, error) {
	const head = 1 + len(item.ID{})
	if len(key) > head {
		d := Dirty{Dir: item.ID([]byte(key[1:head])), Family: key[head+1:], All: key[head] == dirtyAll}
		if string(d.key()) == key {
			return d, nil
		}
	}
	return Dirty{}, fmt.Errorf("journal: key %x: %w", key, ErrCorrupt)
}
