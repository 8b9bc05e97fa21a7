package disk

import (
	"errors"
	"io/fs"
	"syscall"

	"syncfs/journal"
	"syncfs/journal/change"
	"syncfs/journal/item"
	"syncfs/journal/signature"
	"syncfs/journal/step"
	"syncfs/replicate/tree"
)

// take journals one change that a program made. What does not fit what is known is no error: the
// directory is looked at again.
func (b *batch) take(c recorded) error {
	b.f.unsafe.Store(true)
	switch c.Kind {
	case change.Create:
		return b.takeNew(c.Change)
	case change.Link:
		return b.takeLink(c.Change)
	case change.Dirty, change.Settled:
		return b.takeWrite(c.Change)
	case change.Mkdir:
		return b.takeMkdir(c.Change)
	case change.Symlink:
		return b.takeSymlink(c.Path, c.Change)
	case change.Unlink, change.Rmdir:
		return b.takeRemoval(c.Path, c.Gone, c.Kind == change.Rmdir)
	case change.Rename:
		return b.takeRename(c.Path, c.To, c.Gone)
	case change.Exchange:
		return b.takeExchange(c.Path, c.To)
	case change.Attr:
		return b.takeAttr(c)
	}
	return nil
}

// takeNew: a file is new. It becomes an item when its content is taken, so that no half file is
// sent anywhere.
func (b *batch) takeNew(c change.Change) error {
	if c.Local {
		return nil
	}
	k, ok, err := b.vacant(c.Path)
	if err != nil || !ok {
		return err
	}
	b.setWork(k, work{busy: true, whole: true, inode: c.Made.Signature.Ino})
	return nil
}

// takeMkdir: a directory is new. It may have been renamed since, or be gone.
func (b *batch) takeMkdir(c change.Change) error {
	k, ok, err := b.vacant(c.Path)
	if err != nil || !ok {
		return err
	}
	return b.newDir(k, *c.Made, nil)
}

// takeSymlink: so may a symlink.
func (b *batch) takeSymlink(path string, c change.Change) error {
	k, ok, err := b.vacant(path)
	if err != nil || !ok {
		return err
	}
	t := takenLink(*c.Made, c.Target)
	t.made = true
	return b.commit(k, t)
}

// vacant is the key of a path at which something new was made. If the journal has something there that is no file,
// that has gone unseen.
func (b *batch) vacant(path string) (key, bool, error) {
	k, ok, err := find(b.Tx, path)
	if err != nil {
		return k, false, err
	}
	if !ok {
		return k, false, b.lookAgain(path)
	}
	a, err := k.applied(b.Tx)
	if err == nil && a != nil && a.Dir {
		err = b.gone(a, 0)
	}
	return k, err == nil, err
}

// takeWrite: a file is being written, or was.
func (b *batch) takeWrite(c change.Change) error {
	k, ok, err := find(b.Tx, c.Path)
	if err != nil {
		return err
	}
	if !ok {
		return b.lookAgain(c.Path)
	}
	w, had := b.f.works.get(k)
	w.tries = 0
	w.busy = c.Kind == change.Dirty
	w.whole = w.whole || c.Whole
	if had && len(w.ranges) > 0 && len(c.Ranges) > 0 {
		w.whole = true // two batches of writes: not worth uniting
	}
	if len(c.Ranges) > 0 {
		w.ranges = c.Ranges
	}
	b.setWork(k, w)
	return nil
}

// takeRemoval: a file, or a directory, is gone.
func (b *batch) takeRemoval(path string, inode uint64, dir bool) error {
	k, ok, err := find(b.Tx, path)
	if err != nil || !ok {
		return err
	}
	a, err := k.applied(b.Tx)
	if err != nil {
		return err
	}
	if err := b.passWork(k, a); err != nil || a == nil {
		return err
	}
	if a.Absent && dir {
		return b.unplace(a) // a step had put a directory in its place
	}
	return b.gone(a, inode)
}

// gone takes in that a is not where it was: what had the inode was removed or replaced, as far as that is known. While
// a scan is still to find what was moved before anybody looked it may have been something else, and a be elsewhere:
// then that is for the scan to say. So it is of a file that is not here, in whose place a step has put something: it is
// not here as before.
func (b *batch) gone(a *journal.Applied, inode uint64) error {
	known, err := b.isKnown(a, inode)
	switch {
	case err != nil:
		return err
	case known:
		return b.remove(a)
	case a.Absent:
		return b.unplace(a)
	}
	return b.aside(a)
}

// aside puts an entry under a name of limbo, in the journal alone, for the scan to find elsewhere.
func (b *batch) aside(a *journal.Applied) error {
	n, err := b.move(a, key{a.Parent, limbo + randomName()})
	if err != nil {
		return err
	}
	b.f.scanner.displaced = append(b.f.scanner.displaced, at(n))
	if b.f.scanner.knows() {
		b.then(b.f.scanner.askAll)
	}
	return nil
}

// isKnown tells whether what had the inode was a. What has none in the journal was made since the scan began.
func (b *batch) isKnown(a *journal.Applied, inode uint64) (bool, error) {
	switch {
	case b.f.scanner.knows():
		return true, nil
	case a.Absent && inode != 0: // its content was put in place just before a crash, or what is known elsewhere was
		elsewhere, err := b.isElsewhere(inode)
		return !elsewhere, err
	}
	return a.Absent || a.Signature.Ino == 0 || a.Signature.Ino == inode, nil
}

// isElsewhere tells whether the journal has an entry with an inode number.
func (b *batch) isElsewhere(inode uint64) (found bool, err error) {
	folder, err := b.Tx.Folder()
	if err != nil {
		return false, err
	}
	err = b.Tx.ByInode(folder.Dev, inode, func(*journal.Applied) error {
		found = true
		return nil
	})
	return found, err
}

// remove makes a removal found on disk one of the tree.
func (b *batch) remove(a *journal.Applied) error {
	if err := b.holdNew(a.Parent); err != nil {
		return err
	}
	home, err := b.isHome(a)
	if err != nil {
		return err
	}
	if home {
		if err := b.removeShown(a); err != nil {
			return err
		}
	}
	return b.forget(a)
}

// removeShown has the tree remove what a was, if it is shown still.
func (b *batch) removeShown(a *journal.Applied) error {
	_, shown, err := b.NodeOf(a.IDs[0])
	if err != nil || !shown {
		return err
	}
	k, err := seen(b.Tx, a)
	if err != nil {
		return err
	}
	if a.Dir {
		return b.Rmdir(k)
	}
	became, err := b.Unlink(k)
	if err != nil || became.Old == became.New {
		return err
	}
	dir, name, ok, err := b.Tx.Where(became.Old)
	if err != nil || !ok {
		return err
	}
	n, err := b.Tx.Applied(dir, name)
	if err != nil || n == nil {
		return err
	}
	n.IDs, n.CopyOf, n.CopyDots = []item.ID{became.New}, item.ID{}, nil
	if n.Signature == (signature.Signature{}) { // held: its content is still to come
		n.Content, n.Group = a.Content, a.Group
	}
	return b.put(n)
}

// forget drops an entry and all below it. What the journal shows there is put back by the executor.
func (b *batch) forget(a *journal.Applied) error {
	if a.Dir {
		var below []*journal.Applied
		err := b.Tx.EachApplied(a.Slot, func(x *journal.Applied) error {
			below = append(below, x)
			return nil
		})
		if err != nil {
			return err
		}
		for _, x := range below {
			if err := b.forget(x); err != nil {
				return err
			}
		}
		for name := range b.f.works.by[a.Slot] {
			b.dropWork(key{a.Slot, name})
		}
		if len(below) > 0 {
			for _, id := range a.IDs {
				if err := b.Tx.MarkDirtyDir(id); err != nil {
					return err
				}
			}
		}
	}
	if err := b.passWork(at(a), a); err != nil {
		return err
	}
	return b.drop(a)
}

// isHome tells whether a is where its item is on disk; of two entries of one item one is.
func (b *batch) isHome(a *journal.Applied) (bool, error) {
	if len(a.IDs) == 0 {
		return false, nil
	}
	dir, name, ok, err := b.Tx.Where(a.IDs[0])
	return ok && (key{dir, name}) == at(a), err
}

// holdNew makes items of the new files of a directory whose content is not taken yet, before a name
// beside them goes: the file that an editor wrote anew under the name of the old is known to be that
// when the old one is removed.
func (b *batch) holdNew(dir journal.Slot) error {
	const few = 16
	if len(b.f.works.by[dir]) > few {
		return nil
	}
	for name := range b.f.works.by[dir] {
		if err := b.hold(key{dir, name}); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) hold(k key) error {
	a, err := k.applied(b.Tx)
	if err != nil || a != nil {
		return err
	}
	path, err := k.path(b.Tx)
	if err != nil {
		return err
	}
	st, err := b.f.disk.Stat(path)
	if w, _ := b.f.works.get(k); err != nil || st.Kind != step.File || w.inode != 0 && w.inode != st.Signature.Ino {
		return nil // gone again or elsewhere, as later changes will say
	}
	if moved, err := b.isMoved(k, st); err != nil || moved {
		return err
	}
	dir, err := seenDir(b.Tx, k.dir)
	if err != nil {
		return err
	}
	empty := item.Content{Root: emptyRoot, MTime: st.Signature.MTime}
	id, err := b.Create(dir, k.name, empty, tree.Meta{item.Mode: octal(st.Mode)}, true)
	if err != nil {
		return err
	}
	return b.put(&journal.Applied{
		Parent: k.dir, Name: k.name, IDs: []item.ID{id}, Content: &empty, Mode: st.Mode & modeBits, MTime: st.Signature.MTime,
	})
}

// lookAgain has the directory of path looked at, wherever it is by then: the last on the way there that is known.
func (b *batch) lookAgain(path string) error {
	for {
		path, _ = split(path)
		slot, ok, err := findDir(b.Tx, path)
		if err != nil {
			return err
		}
		if ok {
			b.then(func() { b.f.scanner.ask(slot) })
			return nil
		}
	}
}

// notExist tells whether there is nothing at a path: no such name, or none that leads to it.
func notExist(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
