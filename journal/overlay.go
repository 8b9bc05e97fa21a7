package journal

import "slices"

// An overlay is what a transaction has changed and not yet committed. It is kept apart from Badger's
// own transaction because that one sorts all its pending writes anew for each iterator and allows
// one iterator at a time.
type overlay struct {
	values map[string][]byte // nil: deleted
	keys   [256][]string     // the keys of values, sorted, by their first byte,
	late   [256][]string     // but those put since somebody walked there
	size   int64             // an upper bound of what Badger counts for them
	peak   int               // how many keys it had at most
}

func newOverlay() *overlay { return &overlay{values: map[string][]byte{}} }

// Badger's own bytes for an entry in a transaction: two of meta, and those of the version in its key.
const entryOverhead = 2 + 10

func (o *overlay) put(key, value []byte) {
	k := string(key)
	old, again := o.values[k]
	if again {
		o.size += int64(len(value) - len(old))
	} else {
		o.size += int64(len(key) + len(value) + entryOverhead)
		o.late[key[0]] = append(o.late[key[0]], k)
	}
	o.values[k] = value
}

// remove undoes all puts of a key.
func (o *overlay) remove(key []byte) {
	k := string(key)
	value, ok := o.values[k]
	if !ok {
		return
	}
	delete(o.values, k)
	o.size -= int64(len(key) + len(value) + entryOverhead)
	keys := o.sorted(key[0])
	at, _ := slices.BinarySearch(keys, k)
	o.keys[key[0]] = slices.Delete(keys, at, at+1)
}

// fewLate is up to how many keys are put in their places one by one.
const fewLate = 8

// sorted is the keys of that first byte.
func (o *overlay) sorted(kind byte) []string {
	keys, late := o.keys[kind], o.late[kind]
	if len(late) == 0 {
		return keys
	}
	if len(late) <= fewLate {
		for _, k := range late {
			at, _ := slices.BinarySearch(keys, k)
			keys = slices.Insert(keys, at, k)
		}
	} else {
		keys = append(keys, late...)
		slices.Sort(keys)
	}
	o.keys[kind], o.late[kind] = keys, late[:0]
	return keys
}

// An overlay is kept for the next transaction up to so many keys, and if it was not made for many more.
const (
	maxSpare  = 32 << 10
	oversized = 64
)

// reset makes an overlay as new, but for its memory: large transactions follow one another, and each would grow its own.
// It is false where the memory is better given back.
func (o *overlay) reset() bool {
	o.peak = max(o.peak, len(o.values))
	if o.peak > maxSpare || len(o.values) < o.peak/oversized {
		return false
	}
	clear(o.values)
	for kind := range o.keys {
		clear(o.keys[kind])
		clear(o.late[kind][:cap(o.late[kind])])
		o.keys[kind], o.late[kind] = o.keys[kind][:0], o.late[kind][:0]
	}
	o.size = 0
	return true
}

// has tells whether a key was put or deleted.
func (o *overlay) has(key []byte) bool {
	_, ok := o.values[string(key)]
	return ok
}

// puts tells whether a key of that first byte is put.
func (o *overlay) puts(kind byte) bool {
	put := func(k string) bool { return o.values[k] != nil }
	return slices.ContainsFunc(o.keys[kind], put) || slices.ContainsFunc(o.late[kind], put)
}

// from is the first key of that first byte that is not before start, "" where there is none.
func (o *overlay) from(start string) string {
	keys := o.sorted(start[0])
	if at, _ := slices.BinarySearch(keys, start); at < len(keys) {
		return keys[at]
	}
	return ""
}
