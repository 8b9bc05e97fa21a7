package journal

import (
	"encoding/binary"
	"fmt"
	"math"

	"syncfs/journal/item"
	"syncfs/journal/version"
)

// Unseen calls fn with every state known whose context have does not cover, each once. It reads the
// log from where have ends, so it costs what the difference is; and one step more for each
// incarnation there ever was. Provisional dots are covered by nothing: stamp first, or pass over
// what has them.
func (tx *Tx) Unseen(have version.Vector, fn func(*item.Item) error) error {
	c := tx.cursor([]byte{kindLog})
	defer c.close()
	c.seek([]byte{kindLog})
	for c.key != "" {
		d, id, err := parseLogKey([]byte(c.key))
		if err != nil {
			return err
		}
		if d.Seq <= have[d.Incarnation] {
			seekAfter(c, d.Incarnation, have[d.Incarnation])
			continue
		}
		if err := tx.unseen(d.Incarnation, id, have, fn); err != nil {
			return err
		}
		c.next()
	}
	return c.err
}

// unseen calls fn with an item found in the log of an incarnation, if it is the first in which it is
// found.
func (tx *Tx) unseen(at version.Incarnation, id item.ID, have version.Vector, fn func(*item.Item) error) error {
	it, err := tx.Known(id)
	if err != nil {
		return err
	}
	if it == nil {
		return fmt.Errorf("journal: item %s: %w: in the log, but not there", id, ErrCorrupt)
	}
	for i, seq := range it.Context {
		if i < at && seq > have[i] {
			return nil
		}
	}
	return fn(it)
}

// seekAfter goes to the first entry of the log after those that have been seen.
func seekAfter(c *cursor, i version.Incarnation, seen uint64) {
	switch {
	case seen < math.MaxUint64:
		c.seek(seqPrefix(i, seen+1))
	case i < math.MaxUint64:
		c.seek(logPrefix(i + 1))
	default:
		c.key = ""
	}
}

func parseLogKey(key []byte) (version.Dot, item.ID, error) {
	id, err := tailID(key)
	if err == nil && len(key) != 1+16+len(id) {
		err = fmt.Errorf("journal: key %x: %w", key, ErrCorrupt)
	}
	if err != nil {
		return version.Dot{}, id, err
	}
	i := version.Incarnation(binary.BigEndian.Uint64(key[1:]))
	return version.Dot{Incarnation: i, Seq: binary.BigEndian.Uint64(key[9:])}, id, nil
}
