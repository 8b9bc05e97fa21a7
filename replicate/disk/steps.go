package disk

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"syscall"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/signature"
	"syncfs/journal/step"
	"syncfs/replicate/tree"
)

func isBusy(err error) bool { return errors.Is(err, step.ErrBusy) }

// enough ends a transaction that has made its share of steps, or what has been found out of a family and does not hold.
func (x *executor) enough() error {
	if err := x.fresh(); err != nil {
		return err
	}
	if x.steps++; x.steps > 2*maxSteps || x.parked || x.frozen() {
		return errEnough
	}
	return nil
}

// after takes in what programs did before a step took effect, and gives the key that path has now. What was put in place
// beside the transaction before that comes with it, in its order.
func (x *executor) after(order uint64, path string) (key, error) {
	if order > x.upTo {
		if err := x.collectUpTo(order); err != nil {
			return key{}, err
		}
	}
	return x.since(order, path)
}

// since takes in what programs did up to an order number, and gives the key that path has then.
func (x *executor) since(order uint64, path string) (key, error) {
	if err := x.catchUp(order); err != nil {
		return key{}, err
	}
	x.f.accepted(path)
	k, ok, err := find(x.Tx, path)
	if err != nil || ok {
		return k, err
	}
	return k, again(x.lookAgain(path))
}

// refusedStep says what a step that was not made means for the family. Paths are where something else
// than expected may be: that is taken in first, while no name changes, so that it is the last thing that this
// transaction does.
func (x *executor) refusedStep(err error, paths ...string) error {
	switch {
	case errors.Is(err, context.Canceled) || isBusy(err):
		return err
	case len(x.placing.sent) > 0:
		return again(x.collect())
	case errors.Is(err, step.ErrChanged) || notExist(err) || errors.Is(err, fs.ErrExist):
		if err := x.freeze(); err != nil {
			return err
		}
		if err := x.catchUp(x.f.queue.last()); err != nil {
			return err
		}
		for _, p := range paths {
			if err := x.look(p); err != nil {
				return err
			}
		}
		return errLooked
	}
	x.f.refuse(paths[len(paths)-1], err)
	return &refusal{paths[len(paths)-1], err}
}

// dirOf is the directory that a path is in.
func dirOf(path string) string {
	dir, _ := split(path)
	return dir
}

// look takes in what is at path, where it is not what the journal says.
func (x *executor) look(path string) error {
	k, ok, err := find(x.Tx, path)
	if err != nil || !ok {
		return err
	}
	a, err := k.applied(x.Tx)
	if err != nil {
		return err
	}
	if _, err := x.f.disk.Stat(path); notExist(err) && a != nil && !a.Absent {
		return x.missingAt(a)
	}
	return x.found(path)
}

// missingAt: an entry is not where the journal has it. A step that was made just before a crash has put
// it where it ought to be; anything else is for a scan to find out.
func (x *executor) missingAt(a *journal.Applied) error {
	n, ok, err := x.shownAs(a)
	if err != nil {
		return err
	}
	if !ok {
		return x.forget(a) // it was on its way out, and is
	}
	path, err := x.Path(n)
	if err != nil {
		return err
	}
	st, err := x.f.disk.Stat(path)
	k, known, ferr := find(x.Tx, path)
	if err == nil && ferr == nil && known && st.Signature.Ino == a.Signature.Ino {
		return x.rename(a, k, nil)
	}
	x.f.scanner.askAll()
	return ferr
}

// moveTo renames an entry to k, which is free.
func (x *executor) moveTo(a *journal.Applied, k key) (*journal.Applied, error) {
	if err := x.collect(); err != nil {
		return nil, err
	}
	if a.Absent {
		if err := x.fresh(); err != nil {
			return nil, err
		}
		n, err := x.move(a, k)
		x.invalidate(at(a))
		x.invalidate(k)
		return n, err
	}
	if err := x.quiet(at(a)); err != nil {
		return nil, err
	}
	if err := x.enough(); err != nil {
		return nil, err
	}
	from, err := at(a).path(x.Tx)
	if err != nil {
		return nil, err
	}
	to, err := k.path(x.Tx)
	if err != nil {
		return nil, err
	}
	st, order, err := x.f.disk.Move(from, to, x.signature(a))
	if x.opened(err, at(a).dir, k.dir) {
		st, order, err = x.f.disk.Move(from, to, x.signature(a))
	}
	if err != nil {
		return nil, x.refusedStep(err, from, to)
	}
	x.changed(dirOf(from), dirOf(to))
	now, err := x.after(order, to)
	if err != nil {
		return nil, err
	}
	cur, err := at(a).applied(x.Tx)
	if err != nil {
		return nil, err
	}
	if cur == nil { // what was moved is not known
		return nil, again(x.lookAgain(to))
	}
	other := !sameEntry(cur, a)
	a = cur
	x.moveWork(at(a), now)
	n, err := x.move(a, now)
	if err != nil {
		return nil, err
	}
	n.Signature = st.Signature
	if err := x.attend(n); err != nil {
		return nil, err
	}
	if a.Group != item.Root {
		if err := x.refresh(x.signature(a)); err != nil {
			return nil, err
		}
	}
	if other || now != k { // a directory above was moved meanwhile, or what was there was another by then
		return nil, again(x.astray(n, now))
	}
	return now.applied(x.Tx)
}

// placeStep puts a staged entry at k, over old if that is not nil, and notes it as a.
func (x *executor) placeStep(staged string, a *journal.Applied, old *journal.Applied) (*journal.Applied, error) {
	if err := x.enough(); err != nil {
		return nil, err
	}
	path, err := at(a).path(x.Tx)
	if err != nil {
		return nil, err
	}
	var sig signature.Signature
	if old != nil && !old.Absent {
		sig = x.signature(old)
	}
	st, order, err := x.f.disk.Place(staged, path, sig)
	if x.opened(err, a.Parent) {
		st, order, err = x.f.disk.Place(staged, path, sig)
	}
	if err != nil {
		return nil, x.refusedStep(err, path)
	}
	x.changed(dirOf(path))
	now, err := x.after(order, path)
	if err != nil {
		return nil, err
	}
	return x.enterPlaced(a, old, st, now)
}

// enterPlaced notes as a what has been put at the key now, in the place of old if that is not nil.
func (x *executor) enterPlaced(a, old *journal.Applied, st step.Stat, now key) (*journal.Applied, error) {
	n := *a
	n.Signature, n.Parent, n.Name = st.Signature, now.dir, now.name
	if n.Dir {
		slot, err := x.Tx.NewSlot()
		if err != nil {
			return nil, err
		}
		n.Slot = slot
	}
	if err := x.put(&n); err != nil {
		return nil, err
	}
	if old != nil && old.Group != item.Root {
		if err := x.refresh(x.signature(old)); err != nil {
			return nil, err
		}
	}
	if now != at(a) {
		return nil, again(x.astray(&n, now))
	}
	return &n, nil
}

// makeDir makes the directory n at k.
func (x *executor) makeDir(n tree.Node, k key) (*journal.Applied, error) {
	mode := modeOf(n, 0o755)
	staged, err := x.f.staging.dir(mode | 0o700)
	if err != nil {
		return nil, &refusal{n.Name, err}
	}
	a, err := x.placeStep(staged, &journal.Applied{Parent: k.dir, Name: k.name, Dir: true, IDs: n.IDs, Mode: mode | 0o700}, nil)
	if err != nil {
		x.f.staging.discard(staged)
	}
	return a, err
}

// removeStep takes an entry off the disk.
func (x *executor) removeStep(a *journal.Applied) error {
	if err := x.collect(); err != nil {
		return err
	}
	if a.Absent {
		if err := x.fresh(); err != nil {
			return err
		}
		x.invalidate(at(a))
		return x.drop(a)
	}
	if err := x.enough(); err != nil {
		return err
	}
	path, err := at(a).path(x.Tx)
	if err != nil {
		return err
	}
	order, err := x.f.disk.Remove(path, x.signature(a))
	if x.opened(err, a.Parent) {
		order, err = x.f.disk.Remove(path, x.signature(a))
	}
	if errors.Is(err, syscall.ENOTEMPTY) {
		x.then(func() { x.f.scanner.ask(a.Slot) })
	}
	if err != nil {
		return x.refusedStep(err, path)
	}
	x.changed(dirOf(path))
	if err := x.catchUp(order); err != nil {
		return err
	}
	if err := x.drop(a); err != nil || a.Group == item.Root {
		return err
	}
	return x.refresh(x.signature(a))
}

// attrStep sets attributes of an entry.
func (x *executor) attrStep(a *journal.Applied, set step.Attr, xattrs item.Hash) error {
	if a.Absent {
		if err := x.fresh(); err != nil {
			return err
		}
		x.invalidate(at(a))
		return x.put(withAttrs(a, set, xattrs))
	}
	if err := x.collect(); err != nil {
		return err
	}
	if err := x.quiet(at(a)); err != nil {
		return err
	}
	if err := x.enough(); err != nil {
		return err
	}
	path, err := at(a).path(x.Tx)
	if err != nil {
		return err
	}
	st, order, err := x.f.disk.Attr(path, x.signature(a), set)
	if err != nil {
		return x.refusedStep(err, path)
	}
	x.changed(path)
	now, err := x.after(order, path)
	if err != nil {
		return err
	}
	cur, err := now.applied(x.Tx)
	if err != nil {
		return err
	}
	if cur == nil || !sameEntry(cur, a) {
		return again(x.lookAgain(path))
	}
	n := withAttrs(cur, set, xattrs)
	if cur.XAttrs != a.XAttrs { // what a program set before was looked at, and this with it
		n.XAttrs = cur.XAttrs
	}
	n.Signature = st.Signature
	if err := x.put(n); err != nil || now != at(a) {
		return again(err)
	}
	return nil
}

// withAttrs is an entry on disk with attributes set.
func withAttrs(a *journal.Applied, set step.Attr, xattrs item.Hash) *journal.Applied {
	n := *a
	if set.Mode != nil {
		n.Mode = *set.Mode
	}
	if set.MTime != nil {
		n.MTime = *set.MTime
	}
	n.XAttrs = xattrs
	return &n
}

// sameEntry tells whether two entries are the same directory or file on disk, whatever has been taken in of it.
func sameEntry(a, b *journal.Applied) bool {
	return a.Dir == b.Dir && a.Slot == b.Slot && a.Signature.Ino == b.Signature.Ino
}

// attrs has a file on disk have the attributes that n shows.
func (x *executor) attrs(a *journal.Applied, n tree.Node) error {
	var set step.Attr
	link := a.Content != nil && a.Content.Symlink
	if mode := modeOf(n, a.Mode); mode != a.Mode && !link {
		set.Mode = &mode
	}
	if t, err := strconv.ParseInt(n.Meta[item.MTime], 10, 64); err == nil && t != a.MTime && !n.Dir {
		set.MTime = &t
	}
	want := shownXAttrs(n.Meta)
	d := digest(want)
	if d != a.XAttrs && !link {
		set.XAttrs = map[string]*string{}
		path, err := at(a).path(x.Tx)
		if err != nil {
			return err
		}
		if !a.Absent {
			for k := range x.f.xattrs(path) {
				set.XAttrs[k] = nil
			}
		}
		for k, v := range want {
			set.XAttrs[k] = &v
		}
	}
	if set.Mode == nil && set.MTime == nil && set.XAttrs == nil {
		return nil
	}
	return x.attrStep(a, set, d)
}

// setMode has a directory have the attributes that n shows. One that is not done with keeps what lets its
// entries be made.
func (x *executor) setMode(a *journal.Applied, n tree.Node) error { return x.attrs(a, n) }

// opened lets entries be made and removed in directories whose mode forbids it, if that is what err says. Their own
// families see to the mode afterwards.
func (x *executor) opened(err error, dirs ...journal.Slot) bool {
	if !errors.Is(err, syscall.EACCES) {
		return false
	}
	any := false
	for _, slot := range slices.Compact(dirs) {
		a, err := x.Tx.AppliedSlot(slot)
		if err != nil || a == nil || slot == 0 || a.Mode&0o300 == 0o300 {
			continue
		}
		up, err := owners(x.Tx, a.Parent)
		if err != nil || len(up) == 0 {
			continue
		}
		mode := a.Mode | 0o700
		if x.attrStep(a, step.Attr{Mode: &mode}, a.XAttrs) == nil && x.Tx.MarkDirty(up[0], family(a.Name)) == nil {
			any = true
		}
	}
	return any && !x.frozen()
}

func modeOf(n tree.Node, otherwise uint32) uint32 {
	if m, err := strconv.ParseUint(n.Meta[item.Mode], 8, 32); err == nil {
		return uint32(m) & modeBits
	}
	return otherwise
}

// invalidate has the kernel look again for an absent file, once the journal says what it is told.
func (x *executor) invalidate(k key) {
	if path, err := k.path(x.Tx); err == nil {
		x.then(func() { x.f.disk.Invalidate(path) })
	}
}
