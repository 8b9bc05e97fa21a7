package journal

import "slices"

// An overlay is what a transaction has changed and not yet committed. It is kept apart from Badger's
// own transaction because that one sorts all its pending writes anew for each iterator and allows
// one iterator at a time.
type overlay struct {
	values map[string][]byte // nil: deleted
	keys   [256][]string     // the keys of values, sorted, by their first byte
	size   int64             // an upper bound of what Badger counts for them
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
		keys := o.keys[key[0]]
		at, _ := slices.BinarySearch(keys, k)
		o.keys[key[0]] = slices.Insert(keys, at, k)
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
	keys := o.keys[key[0]]
	at, _ := slices.BinarySearch(keys, k)
	o.keys[key[0]] = slices.Delete(keys, at, at+1)
}

// has tells whether a key was put or deleted.
func (o *overlay) has(key []byte) bool {
	_, ok := o.values[string(key)]
	return ok
}

// puts tells whether a key of that first byte is put.
func (o *overlay) puts(kind byte) bool {
	return slices.ContainsFunc(o.keys[kind], func(k string) bool { return o.values[k] != nil })
}

// from is the first key of that first byte that is not before start, "" where there is none.
func (o *overlay) from(start string) string {
	keys := o.keys[start[0]]
	if at, _ := slices.BinarySearch(keys, start); at < len(keys) {
		return keys[at]
	}
	return ""
}
