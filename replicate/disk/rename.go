package disk

import (
	"errors"
	"slices"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/signature"
)

// takeRename: what was at path is at to, over what was there and had the inode.
func (b *batch) takeRename(path, to string, inode uint64) error {
	from, okFrom, err := find(b.Tx, path)
	if err != nil {
		return err
	}
	k, ok, err := find(b.Tx, to)
	if err != nil {
		return err
	}
	if !ok {
		if err := b.lookAgain(to); err != nil || !okFrom {
			return err
		}
		a, err := from.applied(b.Tx)
		if err != nil || a == nil || a.Absent { // no scan would find there what is not here: it stays
			return err
		}
		return b.takeRemoval(path, 0, a.Dir)
	}
	if !okFrom {
		return b.lookAgain(to)
	}
	a, err := from.applied(b.Tx)
	if err != nil {
		return err
	}
	over, err := k.applied(b.Tx)
	if err != nil {
		return err
	}
	if a != nil && over != nil {
		if a, over, err = b.replaceMade(a, over, k, inode); err != nil {
			return err
		}
	}
	if a == nil {
		return b.renameUnknown(from, k, over, to)
	}
	if over != nil {
		if over, err = b.replaced(over, a, inode); err != nil {
			return err
		}
	}
	return b.rename(a, k, over)
}

// replaced is what the tree is to replace of over, where a program has moved a: nothing where that was something else.
func (b *batch) replaced(over, a *journal.Applied, inode uint64) (*journal.Applied, error) {
	known, err := b.isKnown(over, inode)
	switch {
	case err != nil || known && over.Dir == a.Dir:
		return over, err
	case over.Absent && a.Dir: // a step had put a directory in its place
		return nil, b.unplace(over)
	}
	return nil, b.gone(over, inode)
}

// replaceMade: where the tree shows a at k already, since a peer has made the rename, it has something else there for a
// program to replace: that is removed.
func (b *batch) replaceMade(a, over *journal.Applied, k key, inode uint64) (nowA, nowOver *journal.Applied, err error) {
	shown, err := b.isShownAt(a, k)
	if err != nil || !shown || over.Dir || len(over.IDs) == 0 {
		return a, over, err
	}
	n, _, err := b.NodeOf(a.IDs[0])
	if err != nil || slices.Contains(n.IDs, over.IDs[0]) {
		return a, over, err
	}
	if err := b.gone(over, inode); err != nil {
		return a, over, err
	}
	a, err = at(a).applied(b.Tx)
	return a, nil, err
}

// renameUnknown: a file whose content was not taken yet is now at k, or something that is not known: that is left for a
// scan, when all that was recorded is journaled. What was written to the file that it replaces is so by the other names of
// that.
func (b *batch) renameUnknown(from, k key, over *journal.Applied, to string) error {
	w, ok := b.toDo(from)
	if !ok {
		return b.lookAgain(to)
	}
	if err := b.passWork(k, over); err != nil {
		return err
	}
	w.whole, w.ranges = true, nil
	b.dropWork(from)
	b.setWork(k, w)
	return nil
}

// rename makes a rename found on disk one of the tree, unless it shows that already.
func (b *batch) rename(a *journal.Applied, k key, over *journal.Applied) error {
	if inside, err := b.isInside(k, a); err != nil || inside {
		return errors.Join(err, b.amiss(a, k))
	}
	a, err := b.apart(a, k)
	if err != nil {
		return err
	}
	shown, err := b.isShownAt(a, k)
	if err != nil {
		return err
	}
	n := *a
	if !shown {
		held, err := b.Tx.Held(a.IDs[0])
		if err != nil {
			return err
		}
		id, err := b.renameShown(a, k, over)
		if err != nil {
			return err
		}
		if held && id != a.IDs[0] { // the target has yet to be given the content
			n.Content = over.Content
		}
		become(&n, id)
	}
	if over != nil {
		if err := b.forget(over); err != nil {
			return err
		}
	}
	if err := b.drop(a); err != nil {
		return err
	}
	n.Parent, n.Name = k.dir, k.name
	b.moveWork(at(a), k)
	if err := b.put(&n); err != nil {
		return err
	}
	return b.attendMoved(&n)
}

// become notes which item a file is that was moved. The extended attributes of one that it was not are looked at anew.
func become(a *journal.Applied, id item.ID) {
	if a.Dir {
		return
	}
	if !slices.Contains(a.IDs, id) {
		a.XAttrs = item.Hash{}
	}
	a.IDs, a.CopyOf, a.CopyDots = []item.ID{id}, item.ID{}, nil
}

func (b *batch) renameShown(a *journal.Applied, k key, over *journal.Applied) (item.ID, error) {
	source, err := seen(b.Tx, a)
	if err != nil {
		return item.ID{}, err
	}
	dir, err := seenDir(b.Tx, k.dir)
	if err != nil {
		return item.ID{}, err
	}
	if over == nil {
		return b.Rename(source, dir, k.name, nil)
	}
	target, err := seen(b.Tx, over)
	if err != nil {
		return item.ID{}, err
	}
	return b.Rename(source, dir, k.name, &target)
}

// isShownAt tells whether the tree shows at k what a is: then the disk has come to be as it ought to be,
// and nothing is to be journaled but that.
func (b *batch) isShownAt(a *journal.Applied, k key) (bool, error) {
	if len(a.IDs) == 0 {
		return false, nil
	}
	n, ok, err := b.NodeOf(a.IDs[0])
	if err != nil || !ok || n.Name != k.name {
		return false, err
	}
	up, err := owners(b.Tx, k.dir)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(up, func(id item.ID) bool { return slices.Contains(n.Parent, id) }), nil
}

// takeExchange: what was at path and at to has changed places.
func (b *batch) takeExchange(path, to string) error {
	k, okK, err := find(b.Tx, path)
	if err != nil {
		return err
	}
	l, okL, err := find(b.Tx, to)
	if err != nil || !okK || !okL {
		return errors.Join(err, b.lookAgain(path), b.lookAgain(to))
	}
	x, err := k.applied(b.Tx)
	if err != nil {
		return err
	}
	y, err := l.applied(b.Tx)
	if err != nil {
		return err
	}
	if x != nil && y != nil {
		return b.exchange(x, y)
	}
	if x == nil && y == nil {
		for at, now := range map[key]string{k: to, l: path} {
			if _, ok := b.f.works.get(at); ok {
				continue
			}
			if err := b.lookAgain(now); err != nil { // what was there is not known, nor on its way to be
				return err
			}
		}
		b.swapWork(k, l)
		return nil
	}
	if x == nil {
		x, k, l = y, l, k
	}
	if err := errors.Join(b.lookAgain(path), b.lookAgain(to)); err != nil {
		return err
	}
	w, ok := b.f.works.get(l)
	b.dropWork(l)
	if err := b.rename(x, l, nil); err != nil || !ok {
		return err
	}
	w.whole = true
	b.setWork(k, w)
	return nil
}

// amiss has places looked at where a change does not fit what is known: what was moved before, nobody saw.
func (b *batch) amiss(a *journal.Applied, k key) error {
	for _, k := range []key{at(a), k} {
		path, err := k.path(b.Tx)
		if err != nil {
			return err
		}
		if err := b.lookAgain(path); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) exchange(x, y *journal.Applied) error {
	if nested, err := b.nested(x, y); err != nil || nested {
		return errors.Join(err, b.amiss(x, at(y)))
	}
	x, err := b.apart(x, at(y))
	if err != nil {
		return err
	}
	if y, err = b.apart(y, at(x)); err != nil {
		return err
	}
	n, err := seen(b.Tx, x)
	if err != nil {
		return err
	}
	m, err := seen(b.Tx, y)
	if err != nil {
		return err
	}
	isX, isY, err := b.Exchange(n, m)
	if err != nil {
		return err
	}
	p, q, err := b.swap(x, y)
	if err != nil {
		return err
	}
	b.swapWork(at(x), at(y)) // that of the other would have the attributes left for when its content is taken
	become(p, isX)
	become(q, isY)
	return errors.Join(b.put(p), b.put(q), b.attendMoved(p), b.attendMoved(q))
}

// swap enters two entries each where the other was.
func (b *batch) swap(x, y *journal.Applied) (p, q *journal.Applied, err error) {
	n, m := *x, *y
	n.Parent, n.Name, m.Parent, m.Name = y.Parent, y.Name, x.Parent, x.Name
	return &n, &m, errors.Join(b.drop(x), b.drop(y), b.put(&n), b.put(&m))
}

func (b *batch) swapWork(k, l key) {
	x, okX := b.f.works.get(k)
	y, okY := b.f.works.get(l)
	b.dropWork(k)
	b.dropWork(l)
	if okX {
		b.setWork(l, x)
	}
	if okY {
		b.setWork(k, y)
	}
}

// attendMoved takes the attributes that an entry has at its new place: a rename has set the change time, and what was set
// before under the old name could not be looked at any more.
func (b *batch) attendMoved(a *journal.Applied) error {
	if a.Absent || a.Signature == (signature.Signature{}) {
		return nil // held: they are taken with its content
	}
	return b.attend(a)
}
