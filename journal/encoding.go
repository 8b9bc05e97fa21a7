package journal

import (
	"encoding/binary"
	"math"

	"syncfs/journal/canon"
	"syncfs/journal/item"
	"syncfs/journal/signature"
	"syncfs/journal/version"
)

// The bounds of an Applied: more than any that the view gives.
const (
	maxApplied  = 1 << 16 // items shown at one name
	maxCopyDots = item.MaxEntries
)

// Flags of an Applied.
const (
	flagDir = 1 << iota
	flagAbsent
	flagRacy
	flagContent
	flagSymlink
	flagCopy
	flagGroup
	flagEnd // none from here
)

// append encodes an entry, as drawn in doc.go. Parent and Name are in its key.
func (a *Applied) append(b []byte) []byte {
	b = append(b, a.flags())
	if a.Dir {
		b = binary.AppendUvarint(b, uint64(a.Slot))
	}
	b = appendIDs(b, a.IDs)
	if a.flags()&flagCopy != 0 {
		b = append(b, a.CopyOf[:]...)
		b = binary.AppendUvarint(b, uint64(len(a.CopyDots)))
		for _, d := range a.CopyDots {
			b = d.Append(b)
		}
	}
	if a.Group != item.Root {
		b = append(b, a.Group[:]...)
	}
	if c := a.Content; c != nil {
		if c.Symlink {
			b = canon.AppendString(b, c.Target)
		} else {
			b = append(b, c.Root[:]...)
		}
		b = binary.AppendUvarint(b, uint64(c.Size))
		b = binary.AppendVarint(b, c.MTime)
		b = c.Timestamp.Append(b)
	}
	b = binary.AppendUvarint(b, uint64(a.Mode))
	b = binary.AppendVarint(b, a.MTime)
	b = append(b, a.XAttrs[:]...)
	return appendSignature(b, a.Signature)
}

func (a *Applied) flags() (f byte) {
	for bit, set := range map[byte]bool{
		flagDir:     a.Dir,
		flagAbsent:  a.Absent,
		flagRacy:    a.Racy,
		flagContent: a.Content != nil,
		flagSymlink: a.Content != nil && a.Content.Symlink,
		flagCopy:    a.CopyOf != item.Root || len(a.CopyDots) > 0,
		flagGroup:   a.Group != item.Root,
	} {
		if set {
			f |= bit
		}
	}
	return f
}

func decodeApplied(key, value []byte) (*Applied, error) {
	parent, name, err := parseAt(key, key[1:])
	if err != nil {
		return nil, err
	}
	a := &Applied{Parent: parent, Name: name}
	if err := decode(key, value, a.read); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *Applied) read(r *canon.Reader) {
	f := r.Byte()
	if f >= flagEnd {
		r.Fail("flags %x", f)
	}
	a.Dir, a.Absent, a.Racy = f&flagDir != 0, f&flagAbsent != 0, f&flagRacy != 0
	if a.Dir {
		a.Slot = Slot(r.Uvarint(math.MaxUint64))
	}
	a.IDs = readIDs(r, maxApplied)
	if f&flagCopy != 0 {
		copy(a.CopyOf[:], r.Bytes(len(a.CopyOf)))
		for n := r.Uvarint(maxCopyDots); n > 0 && r.Err() == nil; n-- {
			a.CopyDots = append(a.CopyDots, version.ReadDot(r))
		}
	}
	if f&flagGroup != 0 {
		copy(a.Group[:], r.Bytes(len(a.Group)))
	}
	if f&flagContent != 0 {
		a.Content = readContent(r, f&flagSymlink != 0)
	}
	a.Mode = uint32(r.Uvarint(math.MaxUint32))
	a.MTime = r.Varint()
	copy(a.XAttrs[:], r.Bytes(len(a.XAttrs)))
	a.Signature = readSignature(r)
	a.Signature.Dir = a.Dir && a.Signature.Ino != 0
}

func readContent(r *canon.Reader, symlink bool) *item.Content {
	c := &item.Content{Symlink: symlink}
	if symlink {
		c.Target = r.String(item.MaxTarget)
	} else {
		copy(c.Root[:], r.Bytes(len(c.Root)))
	}
	c.Size = int64(r.Uvarint(math.MaxInt64))
	c.MTime = r.Varint()
	c.Timestamp = version.ReadTimestamp(r)
	return c
}

func appendSignature(b []byte, s signature.Signature) []byte {
	b = binary.AppendUvarint(b, s.Dev)
	b = binary.AppendUvarint(b, s.Ino)
	b = binary.AppendVarint(b, s.Size)
	b = binary.AppendVarint(b, s.MTime)
	return binary.AppendVarint(b, s.CTime)
}

func readSignature(r *canon.Reader) (s signature.Signature) {
	s.Dev, s.Ino = r.Uvarint(math.MaxUint64), r.Uvarint(math.MaxUint64)
	s.Size, s.MTime, s.CTime = r.Varint(), r.Varint(), r.Varint()
	return s
}
