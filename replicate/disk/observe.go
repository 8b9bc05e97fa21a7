package disk

import (
	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/step"
	"syncfs/replicate/tree"
)

// look is what is at a path, with its attributes: nothing tells them from those of what has come there since but its
// inode.
func (f *Folder) look(path string) (st step.Stat, xattrs map[string]string, err error) {
	xattrs = f.xattrs(path)
	st, err = f.disk.Stat(path)
	return st, xattrs, err
}

// is tells whether what was found on disk is what the journal knows as a.
func is(a *journal.Applied, st step.Stat) bool {
	return a.Dir == (st.Kind == step.Dir) && a.Signature.Dev == st.Signature.Dev && a.Signature.Ino == st.Signature.Ino
}

// attend takes in the attributes that an entry has by now. Where something else is at its place by now what
// has happened is still to be journaled, and it is looked for again afterwards: a file by its other names too, since this
// one may be gone then.
func (b *batch) attend(a *journal.Applied) error {
	path, err := at(a).path(b.Tx)
	if err != nil {
		return err
	}
	st, xattrs, err := b.f.look(path)
	if err == nil && is(a, st) {
		return b.attended(a, st, xattrs)
	}
	b.relook(at(a))
	if a.Dir || a.Signature.Ino == 0 {
		return nil
	}
	others, _, err := b.names(a.Signature, at(a), fewNames, nil)
	for _, o := range others {
		b.relook(at(o))
	}
	return err
}

// attended takes in attributes found of an entry: those of a file by all its names.
func (b *batch) attended(a *journal.Applied, st step.Stat, xattrs map[string]string) error {
	if err := b.setAttrs(a, st, xattrs); err != nil || a.Dir || st.Nlink < 2 {
		return err
	}
	differs := func(o *journal.Applied) bool { return !sameAttrs(o, a) }
	return b.otherNames(a, differs, func(b *batch, o *journal.Applied, _ string) error {
		n := *o
		return b.setAttrs(&n, st, xattrs)
	})
}

// relook attends to an entry once more, when what is recorded by then is journaled.
func (b *batch) relook(k key) {
	works := b.f.works
	b.then(func() {
		works.looks++
		b.f.later(0, func(b *batch) error {
			b.then(func() { works.looks-- })
			return b.lookOver(k)
		})
	})
}

// lookOver attends to an entry that was not found where it was. If nothing that is recorded explains that a scan is to
// find out.
func (b *batch) lookOver(k key) error {
	a, err := k.applied(b.Tx)
	if err != nil || a == nil || a.Absent {
		return err
	}
	path, err := k.path(b.Tx)
	if err != nil {
		return err
	}
	st, xattrs, err := b.f.look(path)
	switch {
	case err == nil && is(a, st):
		n := *a
		return b.attended(&n, st, xattrs)
	case b.f.queue.touches(b.upTo, path):
		b.relook(k)
		return nil
	default:
		return b.lookAgain(path)
	}
}

// observed takes in that st is at a key. No name changes meanwhile, and all that is recorded is journaled.
func (b *batch) observed(k key, path string, st step.Stat) error {
	a, err := k.applied(b.Tx)
	if err != nil {
		return err
	}
	switch {
	case a != nil && a.Absent && st.Kind == step.Dir:
		err = b.unplace(a)
		a = nil
	case a != nil && !a.Absent && a.Dir != (st.Kind == step.Dir):
		err = b.gone(a, 0)
		a = nil
	}
	if err != nil {
		return err
	}
	switch st.Kind {
	case step.Dir:
		return b.observedDir(k, a, path, st)
	case step.Symlink:
		return b.observedLink(k, path, st)
	case step.File:
		if a != nil && !a.Absent && !a.Racy && a.Signature == st.Signature {
			return nil
		}
		if _, ok := b.f.works.get(k); !ok {
			b.setWork(k, work{whole: true, inode: st.Signature.Ino})
		}
		return nil
	}
	if a != nil && !a.Absent {
		return b.remove(a)
	}
	return nil
}

func (b *batch) observedDir(k key, a *journal.Applied, path string, st step.Stat) error {
	xattrs := b.f.xattrs(path)
	if a == nil {
		return b.newDir(k, st, xattrs)
	}
	n := *a
	n.Signature = st.Signature
	if err := b.put(&n); err != nil {
		return err
	}
	return b.setAttrs(&n, st, xattrs)
}

// newDir takes in a directory that the disk had not.
func (b *batch) newDir(k key, st step.Stat, xattrs map[string]string) error {
	ids, err := b.idsOf(k, metaOf(st, xattrs))
	if err != nil {
		return err
	}
	slot, err := b.Tx.NewSlot()
	if err != nil {
		return err
	}
	return b.put(&journal.Applied{
		Parent: k.dir, Name: k.name, Slot: slot, Dir: true, IDs: ids,
		Mode: st.Mode & modeBits, XAttrs: digest(xattrs), Signature: st.Signature,
	})
}

// idsOf is the items that a directory found on disk is: those that the tree shows there and the disk had
// not, or a new one.
func (b *batch) idsOf(k key, m tree.Meta) ([]item.ID, error) {
	n, ok, err := b.missing(k)
	if err != nil {
		return nil, err
	}
	if ok && n.Dir {
		return n.IDs, nil
	}
	dir, err := seenDir(b.Tx, k.dir)
	if err != nil {
		return nil, err
	}
	var id item.ID
	if b.f.scanner.first() {
		id, err = b.Adopt(dir, k.name, true, item.Content{}, m)
	} else {
		id, err = b.Mkdir(dir, k.name, m)
	}
	return []item.ID{id}, err
}

// missing is the node that the tree shows at k, where the disk has it nowhere yet.
func (b *batch) missing(k key) (tree.Node, bool, error) {
	up, err := owners(b.Tx, k.dir)
	if err != nil || len(up) == 0 {
		return tree.Node{}, false, err
	}
	dir, ok, err := b.Dir(up[0])
	if err != nil || !ok {
		return tree.Node{}, false, err
	}
	n, ok, err := b.Lookup(dir, k.name)
	if err != nil || !ok {
		return tree.Node{}, false, err
	}
	for _, id := range n.IDs {
		if _, _, here, err := b.Tx.Where(id); err != nil || here {
			return tree.Node{}, false, err
		}
	}
	return n, true, nil
}

func (b *batch) observedLink(k key, path string, st step.Stat) error {
	target, err := b.f.disk.Readlink(path)
	if err != nil {
		return b.lookAgain(path)
	}
	return b.commit(k, takenLink(st, target))
}

// takenLink is what is known of a symlink.
func takenLink(st step.Stat, target string) taken {
	return taken{stat: st, content: item.Content{
		Symlink: true, Target: target, Size: int64(len(target)), MTime: st.Signature.MTime,
	}}
}
