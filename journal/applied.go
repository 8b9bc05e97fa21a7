package journal

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"syncfs/journal/item"
	"syncfs/journal/signature"
	"syncfs/journal/version"
)

// A Slot is a directory on disk, by a number that this replica gave it; 0 is the folder.
type Slot uint64

// An Applied is one entry of the tree on disk, as the replica put it there or last saw it.
type Applied struct {
	Parent    Slot
	Name      string
	Slot      Slot // of a directory
	Dir       bool
	IDs       []item.ID // the items shown here
	CopyOf    item.ID   // of a conflict copy that is no item yet
	CopyDots  []version.Dot
	Content   *item.Content // of a file: what is on disk
	Group     item.ID       // the link group that it is in; zero for none
	Absent    bool          // known and visible, but its content is not here: there is no file underneath
	Mode      uint32
	MTime     int64
	XAttrs    item.Hash // of all of them
	Signature signature.Signature
	Racy      bool // changed so close to when the signature was taken that it may not tell
}

// Applied is the entry of a name in a directory, nil where there is none.
func (tx *Tx) Applied(parent Slot, name string) (*Applied, error) {
	key := appliedKey(parent, name)
	b, err := tx.get(key)
	if b == nil || err != nil {
		return nil, err
	}
	return decodeApplied(key, b)
}

// PutApplied puts an entry, and has each of its items, its slot, content and inode lead to it.
func (tx *Tx) PutApplied(a *Applied) error {
	old, err := tx.Applied(a.Parent, a.Name)
	if err != nil {
		return err
	}
	if err := tx.reindex(old.index(), a.index()); err != nil {
		return err
	}
	if err := tx.unpoint(old, a); err != nil {
		return err
	}
	at := appliedKey(a.Parent, a.Name)
	for _, k := range a.pointers() {
		if err := tx.set(k, at[1:]); err != nil {
			return err
		}
	}
	return tx.set(at, a.append(nil))
}

// DeleteApplied takes an entry away, if there is one. What was put under another name meanwhile is
// found there.
func (tx *Tx) DeleteApplied(parent Slot, name string) error {
	old, err := tx.Applied(parent, name)
	if old == nil || err != nil {
		return err
	}
	if err := tx.reindex(old.index(), nil); err != nil {
		return err
	}
	if err := tx.unpoint(old, nil); err != nil {
		return err
	}
	return tx.delete(appliedKey(parent, name))
}

// EachApplied calls fn with every entry of a directory, by name.
func (tx *Tx) EachApplied(parent Slot, fn func(*Applied) error) error {
	return tx.pairs(slotPrefix(kindApplied, parent), func(key, value []byte) error {
		a, err := decodeApplied(key, value)
		if err != nil {
			return err
		}
		return fn(a)
	})
}

// Where is the entry that was last put for an item, if there is one.
func (tx *Tx) Where(id item.ID) (parent Slot, name string, ok bool, err error) {
	return tx.pointer(whereKey(id))
}

// AppliedSlot is the entry of a directory, nil where there is none.
func (tx *Tx) AppliedSlot(s Slot) (*Applied, error) {
	parent, name, ok, err := tx.pointer(slotPrefix(kindSlot, s))
	if !ok || err != nil {
		return nil, err
	}
	return tx.Applied(parent, name)
}

// SlotPath is the path of a directory: names, the outermost first, "/" between them; "" for 0.
func (tx *Tx) SlotPath(s Slot) (string, error) {
	var names []string
	for seen := map[Slot]bool{}; s != 0; {
		parent, name, ok, err := tx.pointer(slotPrefix(kindSlot, s))
		if err != nil {
			return "", err
		}
		if !ok || seen[s] {
			return "", fmt.Errorf("journal: slot %d: %w: no way up from it to the folder", s, ErrCorrupt)
		}
		seen[s] = true
		names, s = append(names, name), parent
	}
	slices.Reverse(names)
	return strings.Join(names, "/"), nil
}

// NewSlot is a number that no directory has had yet.
func (tx *Tx) NewSlot() (Slot, error) {
	n, err := tx.count("slot", 1)
	return Slot(n), err
}

// ByRoot calls fn with every file on disk that has that content.
func (tx *Tx) ByRoot(root item.Hash, fn func(*Applied) error) error {
	return tx.byIndex(byRootPrefix(root), fn)
}

// Holders calls fn with the place of every file on disk that has that content.
func (tx *Tx) Holders(root item.Hash, fn func(parent Slot, name string) error) error {
	prefix := byRootPrefix(root)
	return tx.keys(prefix, func(key []byte) error {
		parent, name, err := parseAt(key, key[len(prefix):])
		if err != nil {
			return err
		}
		return fn(parent, name)
	})
}

// ByInode calls fn with every entry that has that inode.
func (tx *Tx) ByInode(dev, ino uint64, fn func(*Applied) error) error {
	return tx.byIndex(byInodePrefix(dev, ino), fn)
}

func (tx *Tx) byIndex(prefix []byte, fn func(*Applied) error) error {
	return tx.keys(prefix, func(key []byte) error {
		a, err := tx.at(key, key[len(prefix):])
		if err != nil {
			return err
		}
		return fn(a)
	})
}

// at is the entry that a key leads to.
func (tx *Tx) at(key, at []byte) (*Applied, error) {
	parent, name, err := parseAt(key, at)
	if err != nil {
		return nil, err
	}
	a, err := tx.Applied(parent, name)
	if a == nil && err == nil {
		err = fmt.Errorf("journal: entry %d/%s: %w: indexed, but not there", parent, name, ErrCorrupt)
	}
	return a, err
}

func (tx *Tx) pointer(key []byte) (parent Slot, name string, ok bool, err error) {
	b, err := tx.get(key)
	if b == nil || err != nil {
		return 0, "", false, err
	}
	parent, name, err = parseAt(key, b)
	return parent, name, err == nil, err
}

func parseAt(key, at []byte) (Slot, string, error) {
	if len(at) < 9 {
		return 0, "", fmt.Errorf("journal: key %x: %w: cut short", key, ErrCorrupt)
	}
	return Slot(binary.BigEndian.Uint64(at)), string(at[8:]), nil
}

// index is every key by which the entry is found among others; none of nil.
func (a *Applied) index() (keys [][]byte) {
	if a == nil {
		return nil
	}
	at := appliedKey(a.Parent, a.Name)[1:]
	if a.Content != nil && !a.Content.Symlink && !a.Absent {
		keys = append(keys, append(byRootPrefix(a.Content.Root), at...))
	}
	if s := a.Signature; s.Ino != 0 {
		keys = append(keys, append(byInodePrefix(s.Dev, s.Ino), at...))
	}
	if l, ok := a.Alike(); ok {
		keys = append(keys, append(alikePrefix(l), at...))
	}
	return keys
}

// pointers are the keys that lead to one entry each, the last that was put; none of nil.
func (a *Applied) pointers() [][]byte {
	if a == nil {
		return nil
	}
	var keys [][]byte
	for _, id := range a.IDs {
		keys = append(keys, whereKey(id))
	}
	if a.Dir {
		keys = append(keys, slotPrefix(kindSlot, a.Slot))
	}
	return keys
}

// unpoint deletes the pointers of old that still lead to it and are not those of its successor.
func (tx *Tx) unpoint(old, next *Applied) error {
	for _, k := range old.pointers() {
		if slices.ContainsFunc(next.pointers(), func(n []byte) bool { return string(n) == string(k) }) {
			continue
		}
		parent, name, ok, err := tx.pointer(k)
		if err != nil {
			return err
		}
		if ok && parent == old.Parent && name == old.Name {
			if err := tx.delete(k); err != nil {
				return err
			}
		}
	}
	return nil
}
