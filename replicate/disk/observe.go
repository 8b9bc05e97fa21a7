package disk

import (
	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/step"
	"syncfs/replicate/tree"
)

// observe takes in what is at path now. What is not there is looked for where it is when the queue is journaled:
// a directory above it was renamed, or it is gone, as a later change will say.
func (b *batch) observe(path string) error {
	k, ok, err := find(b.Tx, path)
	if err != nil {
		return err
	}
	if !ok {
		b.lookAgain(path)
		return nil
	}
	if b.f.queue.touches(b.upTo, path) {
		b.relook(k, 0)
		return nil
	}
	return b.observeAt(k, path, 0)
}

// observeAt takes in what is at a key, whose path was looked for so many times already.
func (b *batch) observeAt(k key, path string, tries int) error {
	st, err := b.f.disk.Stat(path)
	switch {
	case err == nil:
		return b.observed(k, path, st)
	case !notExist(err):
		b.f.refuse(path, err)
	case tries < maxTries:
		b.relook(k, tries+1)
	}
	return nil
}

// relook observes an entry once more, when what is recorded by then is journaled.
func (b *batch) relook(k key, tries int) {
	works := b.f.works
	b.then(func() {
		works.looks++
		b.f.later(0, func(b *batch) error {
			b.then(func() { works.looks-- })
			path, err := k.path(b.Tx)
			if err != nil {
				return nil // gone since
			}
			return b.observeAt(k, path, tries)
		})
	})
}

// observed takes in that st is at a key.
func (b *batch) observed(k key, path string, st step.Stat) error {
	a, err := k.applied(b.Tx)
	if err != nil {
		return err
	}
	if a != nil && !a.Absent && a.Dir != (st.Kind == step.Dir) || a != nil && a.Absent && st.Kind == step.Dir {
		if err := b.gone(a); err != nil {
			return err
		}
		a = nil
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
			b.setWork(k, work{whole: true})
		}
		return nil
	}
	if a != nil && !a.Absent {
		return b.remove(a)
	}
	return nil
}

func (b *batch) observedDir(k key, a *journal.Applied, path string, st step.Stat) error {
	if a != nil {
		n := *a
		n.Signature = st.Signature
		if err := b.put(&n); err != nil {
			return err
		}
		return b.setAttrs(&n, path, st)
	}
	xattrs := b.f.xattrs(path)
	ids, err := b.newDir(k, metaOf(st, xattrs))
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

// newDir is the items that a directory found on disk is: those that the tree shows there and the disk had
// not, or a new one.
func (b *batch) newDir(k key, m tree.Meta) ([]item.ID, error) {
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
		b.lookAgain(path)
		return nil
	}
	return b.commit(k, taken{stat: st, content: item.Content{
		Symlink: true, Target: target, Size: int64(len(target)), MTime: st.Signature.MTime,
	}})
}
