package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"syncfs/journal/item"
)

// An Alike stands for what files on disk must have in common to be names of one inode: the link group, the
// content, and every attribute that is replicated. It is a hash of these.
type Alike [16]byte

// Alike is that of an entry; false where it is in no link group.
func (a *Applied) Alike() (l Alike, ok bool) {
	if a.Group == item.Root || a.Dir || a.Content == nil || a.Content.Symlink {
		return l, false
	}
	b := append([]byte("syncfs alike\x00"), a.Group[:]...)
	b = append(b, a.Content.Root[:]...)
	b = append(b, a.XAttrs[:]...)
	b = binary.BigEndian.AppendUint32(b, a.Mode)
	b = binary.BigEndian.AppendUint64(b, uint64(a.MTime))
	if a.Absent {
		b = append(b, 1)
	}
	sum := sha256.Sum256(b)
	return Alike(sum[:len(l)]), true
}

// FirstAlike is the first of the entries that are alike, nil where there is none.
func (tx *Tx) FirstAlike(l Alike) (*Applied, error) { return tx.alikeFrom(l, nil) }

// NextAlike is the one that follows a, nil where it is the last.
func (tx *Tx) NextAlike(l Alike, a *Applied) (*Applied, error) {
	return tx.alikeFrom(l, append(appliedKey(a.Parent, a.Name)[1:], 0))
}

func (tx *Tx) alikeFrom(l Alike, at []byte) (*Applied, error) {
	prefix := alikePrefix(l)
	c := tx.cursor(prefix)
	defer c.close()
	c.seek(append(bytes.Clone(prefix), at...))
	if c.key == "" || c.err != nil {
		return nil, c.err
	}
	return tx.at([]byte(c.key), []byte(c.key)[len(prefix):])
}

// EachAlike calls fn with all that are alike.
func (tx *Tx) EachAlike(l Alike, fn func(*Applied) error) error {
	return tx.byIndex(alikePrefix(l), fn)
}

// EachShared calls fn with the entries of each inode that has several.
func (tx *Tx) EachShared(fn func([]*Applied) error) error {
	inode := len(byInodePrefix(0, 0))
	var keys [][]byte
	one := func() error {
		defer func() { keys = nil }()
		if len(keys) < 2 {
			return nil
		}
		var l []*Applied
		for _, k := range keys {
			a, err := tx.at(k, k[inode:])
			if err != nil {
				return err
			}
			l = append(l, a)
		}
		return fn(l)
	}
	err := tx.keys([]byte{kindByInode}, func(key []byte) error {
		if len(keys) > 0 && !bytes.Equal(keys[0][:inode], key[:inode]) {
			if err := one(); err != nil {
				return err
			}
		}
		keys = append(keys, key)
		return nil
	})
	if err != nil {
		return err
	}
	return one()
}
