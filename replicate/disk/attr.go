package disk

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/step"
	"syncfs/replicate/tree"
)

// modeBits are the bits of a mode that are replicated: no setuid, no setgid.
const modeBits = 0o1777

func octal(mode uint32) string { return strconv.FormatUint(uint64(mode&modeBits), 8) }

// metaOf is the meta of a new item.
func metaOf(st step.Stat, xattrs map[string]string) tree.Meta {
	m := tree.Meta{item.Mode: octal(st.Mode)}
	if st.Kind == step.Symlink {
		m[item.Mode] = octal(0o777)
	}
	maps.Copy(m, xattrs)
	return m
}

// xattrs are the attributes of an entry that are replicated. What can't be read there are none of.
func (f *Folder) xattrs(path string) map[string]string {
	m, err := f.disk.XAttrs(path)
	if err != nil {
		return nil
	}
	maps.DeleteFunc(m, func(k, _ string) bool { return !strings.HasPrefix(k, item.XAttr) })
	return m
}

// digest is what tells sets of extended attributes apart; zero for none.
func digest(xattrs map[string]string) item.Hash {
	if len(xattrs) == 0 {
		return item.Hash{}
	}
	var b []byte
	for _, k := range slices.Sorted(maps.Keys(xattrs)) {
		for _, s := range []string{k, xattrs[k]} {
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		}
	}
	return sha256.Sum256(b)
}

// shownXAttrs are the extended attributes that a node shows.
func shownXAttrs(m tree.Meta) map[string]string {
	x := maps.Clone(map[string]string(m))
	maps.DeleteFunc(x, func(k, _ string) bool { return !strings.HasPrefix(k, item.XAttr) })
	return x
}

// takeAttr: attributes of an entry were set.
func (b *batch) takeAttr(c recorded) error {
	k, ok, err := find(b.Tx, c.Path)
	if err != nil || !ok {
		return err
	}
	if err := b.reread(k); err != nil {
		return err
	}
	a, err := k.applied(b.Tx)
	if err != nil {
		return err
	}
	if a != nil && a.Dir {
		if err := b.reread(key{dir: a.Slot}); err != nil {
			return err
		}
	}
	if w, ok := b.f.works.get(k); ok {
		b.setWork(k, w) // its attributes are taken with its content: anew, if they were already
	}
	if a == nil {
		return nil
	}
	if a.Absent {
		return b.setAbsent(a, c.attr)
	}
	n := *a
	return b.attend(&n)
}

// setAttrs makes the attributes found on disk those of the item at a, and notes them.
func (b *batch) setAttrs(a *journal.Applied, st step.Stat, xattrs map[string]string) error {
	_, pending := b.f.works.get(at(a))
	if !pending && !a.Dir && st.Nlink > 1 && !sameBytes(a.Signature, st.Signature) {
		// It may have been written by another of its names.
		b.setWork(at(a), work{whole: true})
		pending = true
	}
	mtime := st.Signature.MTime
	if pending || a.Dir {
		mtime = a.MTime
	}
	if err := b.changeAttrs(a, st, mtime, xattrs); err != nil {
		return err
	}
	if !pending && a.Signature.Size == st.Signature.Size {
		a.Signature = st.Signature
	}
	return b.put(a)
}

// changeAttrs makes changes of attributes since a was noted operations of the tree, and notes them in a.
func (b *batch) changeAttrs(a *journal.Applied, st step.Stat, mtime int64, xattrs map[string]string) error {
	k, err := seen(b.Tx, a)
	if err != nil {
		return err
	}
	if mode := st.Mode & modeBits; mode != a.Mode && st.Kind != step.Symlink {
		if err := b.changeMeta(k, item.Mode, octal(mode)); err != nil {
			return err
		}
		a.Mode = mode
	}
	if mtime != a.MTime && !a.Dir {
		if err := b.changeMeta(k, item.MTime, strconv.FormatInt(mtime, 10)); err != nil {
			return err
		}
		a.MTime = mtime
	}
	if d := digest(xattrs); d != a.XAttrs {
		if err := b.changeXAttrs(k, xattrs); err != nil {
			return err
		}
		a.XAttrs = d
	}
	return b.settled(a, k)
}

// changeMeta sets what is not shown already: then it was a step that set it, just before a crash.
func (b *batch) changeMeta(k tree.Node, name, value string) error {
	n, ok, err := b.NodeOf(k.IDs[0])
	if err != nil || ok && n.Meta[name] == value {
		return err
	}
	return b.SetMeta(k, name, value)
}

// settled notes that an operation on a conflict copy has made it an item, and one on twins left one.
func (b *batch) settled(a *journal.Applied, k tree.Node) error {
	if !k.IsCopy() {
		return nil
	}
	if it, err := b.Tx.Known(k.IDs[0]); err != nil || it == nil {
		return err
	}
	a.CopyOf, a.CopyDots = item.ID{}, nil
	return nil
}

func (b *batch) changeXAttrs(k tree.Node, xattrs map[string]string) error {
	n, ok, err := b.NodeOf(k.IDs[0])
	if err != nil || !ok {
		return err
	}
	had := shownXAttrs(n.Meta)
	for name, v := range xattrs {
		if old, ok := had[name]; !ok || old != v {
			if err := b.SetMeta(k, name, v); err != nil {
				return err
			}
		}
	}
	for name := range had {
		if _, ok := xattrs[name]; !ok {
			if err := b.ClearMeta(k, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// setAbsent makes what a program set of a file that is not here yet operations of the tree, by all its names.
func (b *batch) setAbsent(a *journal.Applied, set *step.Attr) error {
	if set == nil {
		return nil
	}
	l := []*journal.Applied{a}
	if alike, ok := a.Alike(); ok {
		err := b.Tx.EachAlike(alike, func(next *journal.Applied) error {
			if len(l) >= together {
				return errEnough
			}
			if at(next) != at(a) {
				l = append(l, next)
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
	}
	for _, a := range l {
		if err := b.setAbsentOne(a, set); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) setAbsentOne(was *journal.Applied, set *step.Attr) error {
	a := *was
	k, err := seen(b.Tx, &a)
	if err != nil {
		return err
	}
	if set.Mode != nil {
		a.Mode = *set.Mode & modeBits
		if err := b.SetMeta(k, item.Mode, octal(a.Mode)); err != nil {
			return err
		}
	}
	if set.MTime != nil {
		a.MTime = *set.MTime
		if err := b.SetMeta(k, item.MTime, strconv.FormatInt(a.MTime, 10)); err != nil {
			return err
		}
	}
	for name, v := range set.XAttrs {
		if v == nil {
			err = b.ClearMeta(k, name)
		} else {
			err = b.SetMeta(k, name, *v)
		}
		if err != nil {
			return err
		}
	}
	if err := b.settled(&a, k); err != nil {
		return err
	}
	return b.put(&a)
}
