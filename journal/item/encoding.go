package item

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"syncfs/journal/canon"
	"syncfs/journal/version"
)

// The encoding of an item, on disk and on the wire, in the words of package canon:
//
//	format     1 byte: 2
//	ID         16 bytes
//	directory  1 byte: 0 or 1
//	context    version vector
//	parent     16 bytes, name: string, from: 16 bytes, timestamp
//	entries    count: uvarint; in the order of their dots:
//	             dot
//	             kind: 1 byte: 0 mark of presence, 1 bytes, 2 symlink; 128 added where it is gone
//	             of a mark: the kind of the content kept, 1 byte: 0 none, else as below, and that content
//	             of bytes: root, 32 bytes, size: uvarint, mtime: varint, timestamp
//	             of a symlink: target: string, mtime: varint, timestamp
//	meta       count: uvarint; in the order of their keys:
//	             key: string, absent: 1 byte: 0 or 1, value: string, timestamp
//
// One state has one encoding. What has another, or what Check refuses, is not decoded, and what
// would not be decoded is not encoded.
const (
	format = 2
	gone   = 128
)

// MarshalBinary encodes a state.
func (it *Item) MarshalBinary() ([]byte, error) {
	if err := it.Check(); err != nil {
		return nil, fmt.Errorf("item %s: %w", it.ID, err)
	}
	b := make([]byte, 0, 256)
	b = append(b, format)
	b = append(b, it.ID[:]...)
	b = appendBool(b, it.Dir)
	b = it.Context.Append(b)
	b = append(b, it.Place.Parent[:]...)
	b = canon.AppendString(b, it.Place.Name)
	b = append(b, it.Place.From[:]...)
	b = it.Place.Timestamp.Append(b)
	b = appendEntries(b, it.Entries)
	b = appendMeta(b, it.Meta)
	if len(b) > MaxSize {
		return nil, fmt.Errorf("item %s: %d bytes, %d is the most", it.ID, len(b), MaxSize)
	}
	return b, nil
}

func appendEntries(b []byte, entries map[version.Dot]Entry) []byte {
	var few [8]version.Dot
	dots := slices.AppendSeq(few[:0], maps.Keys(entries))
	slices.SortFunc(dots, version.Dot.Compare)
	b = binary.AppendUvarint(b, uint64(len(dots)))
	for _, d := range dots {
		b = entries[d].append(d.Append(b))
	}
	return b
}

func (e Entry) append(b []byte) []byte {
	kind := kindOf(e.Content)
	if e.Gone {
		b = append(b, kind|gone)
	} else {
		b = append(b, kind)
	}
	if e.Content == nil {
		return e.Keeps.append(append(b, kindOf(e.Keeps)))
	}
	return e.Content.append(b)
}

func kindOf(c *Content) byte {
	if c == nil {
		return None
	}
	return c.Key().Kind
}

// append adds what follows the kind of a content; nothing to nil.
func (c *Content) append(b []byte) []byte {
	if c == nil {
		return b
	}
	k := c.Key()
	b = k.appendValue(b)
	if k.Kind == Bytes {
		b = binary.AppendUvarint(b, uint64(c.Size))
	}
	b = binary.AppendVarint(b, c.MTime)
	return c.Timestamp.Append(b)
}

func (k Key) appendValue(b []byte) []byte {
	switch k.Kind {
	case Bytes:
		return append(b, k.Root[:]...)
	case Link:
		return canon.AppendString(b, k.Target)
	}
	return b
}

func appendMeta(b []byte, meta map[string]Register) []byte {
	var few [8]string
	keys := slices.AppendSeq(few[:0], maps.Keys(meta))
	slices.Sort(keys)
	b = binary.AppendUvarint(b, uint64(len(keys)))
	for _, k := range keys {
		r := meta[k]
		b = canon.AppendString(b, k)
		b = appendBool(b, r.Absent)
		b = canon.AppendString(b, r.Value)
		b = r.Timestamp.Append(b)
	}
	return b
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// Unmarshal decodes a state from b, which it keeps no part of. The error wraps canon.ErrFormat, or is
// that of Check.
func Unmarshal(b []byte) (*Item, error) {
	if len(b) > MaxSize {
		return nil, fmt.Errorf("item: %d bytes, %d is the most", len(b), MaxSize)
	}
	r := canon.NewReader(b)
	if f := r.Byte(); f != format {
		r.Fail("format %d, not %d", f, format)
	}
	it := &Item{}
	readID(r, &it.ID)
	it.Dir = readBool(r)
	it.Context = version.ReadVector(r, MaxEntries)
	readID(r, &it.Place.Parent)
	it.Place.Name = r.String(255)
	readID(r, &it.Place.From)
	it.Place.Timestamp = version.ReadTimestamp(r)
	it.Entries = readEntries(r)
	it.Meta = readMeta(r)
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("item: %w", err)
	}
	if err := it.Check(); err != nil {
		return nil, fmt.Errorf("item %s: %w", it.ID, err)
	}
	return it, nil
}

func readEntries(r *canon.Reader) map[version.Dot]Entry {
	n := int(r.Uvarint(MaxEntries))
	entries := make(map[version.Dot]Entry, min(n, 64))
	var last version.Dot
	for i := 0; i < n && r.Err() == nil; i++ {
		d := version.ReadDot(r)
		if i > 0 && d.Compare(last) <= 0 {
			r.Fail("entries out of order")
		}
		entries[d], last = readEntry(r), d
	}
	return entries
}

func readEntry(r *canon.Reader) Entry {
	kind := r.Byte()
	e := Entry{Gone: kind&gone != 0}
	kind &^= gone
	if kind == None {
		e.Keeps = readContent(r, r.Byte())
	} else {
		e.Content = readContent(r, kind)
	}
	return e
}

// readContent reads what follows the kind of a content; nil of none.
func readContent(r *canon.Reader, kind byte) *Content {
	k := readKey(r, kind)
	if kind == None {
		return nil
	}
	c := &Content{Symlink: kind == Link, Root: k.Root, Target: k.Target, Size: int64(len(k.Target))}
	if kind == Bytes {
		c.Size = int64(r.Uvarint(1<<63 - 1))
	}
	c.MTime = r.Varint()
	c.Timestamp = version.ReadTimestamp(r)
	return c
}

func readKey(r *canon.Reader, kind byte) Key {
	k := Key{Kind: kind}
	switch kind {
	case None:
	case Bytes:
		copy(k.Root[:], r.Bytes(len(k.Root)))
	case Link:
		k.Target = r.String(MaxTarget)
	default:
		r.Fail("a content of kind %d", kind)
	}
	return k
}

func readMeta(r *canon.Reader) map[string]Register {
	n := int(r.Uvarint(MaxMeta))
	meta := make(map[string]Register, min(n, 64))
	var last string
	for i := 0; i < n && r.Err() == nil; i++ {
		k := r.String(255)
		if i > 0 && k <= last {
			r.Fail("registers out of order")
		}
		reg := Register{Absent: readBool(r), Value: r.String(MaxRegister)}
		reg.Timestamp = version.ReadTimestamp(r)
		meta[k], last = reg, k
	}
	return meta
}

func readID(r *canon.Reader, id *ID) { copy(id[:], r.Bytes(len(id))) }

func readBool(r *canon.Reader) bool {
	b := r.Byte()
	if b > 1 {
		r.Fail("a truth value of %d", b)
	}
	return b == 1
}
