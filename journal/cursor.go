package journal

import (
	"bytes"
	"errors"
	"strings"

	"github.com/dgraph-io/badger/v4"
)

// A cursor walks the keys of one prefix in order: those of the snapshot under the transaction, as
// its overlay has changed them. The transaction may be changed between two steps.
type cursor struct {
	tx     *Tx
	prefix string
	below  *badger.Iterator // nil where there is nothing to walk
	under  string           // the snapshot's next key, "" where there is none
	own    string           // the overlay's, where it is the current one
	key    string           // the current one, "" at the end
	err    error            // why it ended before the last key
}

func (tx *Tx) cursor(prefix []byte) *cursor {
	c := &cursor{tx: tx, prefix: string(prefix)}
	if tx.kinds.has(prefix) {
		c.below = tx.snapshot.NewIterator(badger.IteratorOptions{Prefix: prefix})
	}
	return c
}

func (c *cursor) close() {
	if c.below != nil {
		c.below.Close()
	}
}

// seek goes to the first key not before start, which begins with the prefix.
func (c *cursor) seek(start []byte) {
	c.move(func(below *badger.Iterator) { below.Seek(start) })
	c.settle(string(start))
}

func (c *cursor) next() {
	if c.under == c.key {
		c.move((*badger.Iterator).Next)
	}
	c.settle(c.key + "\x00")
}

// settle finds the lesser of the two next keys; of the overlay, none before start. A key that the
// overlay has deleted is passed over.
func (c *cursor) settle(start string) {
	for {
		if c.err != nil {
			c.key, c.own = "", ""
			return
		}
		c.own = c.ownFrom(start)
		if c.own == "" || c.under != "" && c.under < c.own {
			c.key, c.own = c.under, ""
			return
		}
		if c.tx.writes.values[c.own] != nil {
			c.key = c.own
			return
		}
		if c.under == c.own {
			c.move((*badger.Iterator).Next)
		}
		start = c.own + "\x00"
	}
}

func (c *cursor) ownFrom(start string) string {
	if c.tx.writes == nil {
		return ""
	}
	if k := c.tx.writes.from(start); strings.HasPrefix(k, c.prefix) {
		return k
	}
	return ""
}

// move moves in the snapshot.
func (c *cursor) move(step func(*badger.Iterator)) {
	c.under = ""
	if c.below == nil {
		return
	}
	defer recovered([]byte(c.prefix), &c.err)
	if step(c.below); c.below.Valid() {
		c.under = string(c.below.Item().Key())
	}
}

// value is that of the current key; it is not to be kept beyond the next step.
func (c *cursor) value(fn func([]byte) error) error {
	if c.own != "" {
		return fn(c.tx.writes.values[c.own])
	}
	return c.below.Item().Value(fn)
}

// written is the number of the Update that put the current key, 0 where that is the one at work.
func (c *cursor) written() uint64 {
	if c.own != "" {
		return 0
	}
	return c.below.Item().Version()
}

// keys calls fn with each key of a prefix, in order.
func (tx *Tx) keys(prefix []byte, fn func(key []byte) error) error {
	c := tx.cursor(prefix)
	defer c.close()
	for c.seek(prefix); c.key != ""; c.next() {
		if err := fn([]byte(c.key)); err != nil {
			return err
		}
	}
	return c.err
}

// pairs calls fn with each key of a prefix and its value, in order.
func (tx *Tx) pairs(prefix []byte, fn func(key, value []byte) error) error {
	c := tx.cursor(prefix)
	defer c.close()
	for c.seek(prefix); c.key != ""; c.next() {
		key := []byte(c.key)
		// fn may change the transaction, and with it the value in the overlay: it gets a copy.
		var value []byte
		if err := c.value(func(v []byte) error { value = bytes.Clone(v); return nil }); err != nil {
			return broken(key, err)
		}
		if err := fn(key, value); err != nil {
			return err
		}
	}
	return c.err
}

// has tells whether there is a key with that prefix.
func (tx *Tx) has(prefix []byte) (bool, error) {
	c := tx.cursor(prefix)
	defer c.close()
	c.seek(prefix)
	return c.key != "", c.err
}

// errEnough ends a walk that has found what it was for.
var errEnough = errors.New("enough")

func enough(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}
