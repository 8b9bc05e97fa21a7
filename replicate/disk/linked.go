package disk

import (
	"errors"
	"syscall"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/signature"
	"syncfs/replicate/tree"
)

// errApart: the filesystem makes no further name of a file.
var errApart = errors.New("no further name of the file can be made")

// maxApart bounds what is remembered of the files that the filesystem makes no further names of.
const maxApart = 10000

// linked has a file of a link group be at k as a further name of one that is on disk. Done: it is there.
func (x *executor) linked(n tree.Node, k key, home *journal.Applied) (done bool, err error) {
	m, err := x.member(n, k)
	if err != nil || m == nil {
		return false, err
	}
	if err = x.link(n, k, home, m); errors.Is(err, errApart) {
		return false, nil
	}
	return true, err
}

// member is a file on disk that n, which is to be at k, is to be one inode with; nil where there is none.
func (x *executor) member(n tree.Node, k key) (*journal.Applied, error) {
	alike, ok := entry(n, k).Alike()
	if !ok || x.f.execution.apart[alike] {
		return nil, nil
	}
	m, err := x.firstBut(alike, k)
	if err != nil || m != nil {
		return m, err
	}
	return x.bringAlike(n, k, alike)
}

// firstBut is the first on disk of the files that are alike, but the one at k.
func (x *executor) firstBut(alike journal.Alike, k key) (*journal.Applied, error) {
	m, err := x.Tx.FirstAlike(alike)
	if err == nil && m != nil && at(m) == k {
		m, err = x.Tx.NextAlike(alike, m)
	}
	if err != nil || m == nil || x.quiet(at(m)) != nil {
		return nil, err
	}
	return m, nil
}

// bringAlike looks for a file on disk that has the content and is to be alike, but is not yet, and makes it so first.
func (x *executor) bringAlike(n tree.Node, k key, alike journal.Alike) (*journal.Applied, error) {
	var l []*journal.Applied
	err := x.Tx.ByRoot(n.Content.Root, func(a *journal.Applied) error {
		if len(l) >= fewNames {
			return errEnough
		}
		if at(a) != k && x.quiet(at(a)) == nil {
			l = append(l, a)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	for _, a := range l {
		m, ok, err := x.shownAs(a)
		if err != nil {
			return nil, err
		}
		if want, in := entryOf(m, ok, a).Alike(); !in || want != alike {
			continue
		}
		var why firstError
		if err := why.add(x.place(m)); err != nil {
			return nil, err
		}
		if first, err := x.firstBut(alike, k); err != nil || first != nil {
			return first, err
		}
	}
	return nil, nil
}

// entryOf is what is to be on disk where a is; nothing that is in a group, if that is no file shown.
func entryOf(m tree.Node, ok bool, a *journal.Applied) *journal.Applied {
	if !ok || m.Content == nil {
		return &journal.Applied{}
	}
	return entry(m, at(a))
}

// link puts n at k as a further name of the file m. What n is on disk elsewhere goes when it is there.
func (x *executor) link(n tree.Node, k key, home, m *journal.Applied) error {
	home, old, err := x.room(n, k, home)
	if err != nil {
		return err
	}
	from := at(m)
	if m, err = from.applied(x.Tx); err != nil {
		return err
	}
	a := entry(n, k)
	want, _ := a.Alike()
	if m == nil {
		return errAgain
	}
	if have, ok := m.Alike(); !ok || have != want {
		return errAgain
	}
	staged, err := x.linkStep(m, want)
	if err != nil {
		return err
	}
	placed, err := x.placeStep(staged, a, old)
	if err != nil {
		x.f.staging.discard(staged)
		return err
	}
	if err := x.joined(placed, x.signature(m)); err != nil {
		return err
	}
	ids := placed.IDs
	if n.IsCopy() {
		ids = []item.ID{n.CopyOf}
	}
	if err := x.haveFor(ids, n.Content.Root); err != nil {
		return err
	}
	if home == nil || at(home) == k {
		return nil
	}
	return x.leave(at(home))
}

// linkStep makes the file m an entry of staging as well.
func (x *executor) linkStep(m *journal.Applied, alike journal.Alike) (staged string, err error) {
	if err := x.enough(); err != nil {
		return "", err
	}
	path, err := at(m).path(x.Tx)
	if err != nil {
		return "", err
	}
	staged = x.f.staging.fresh()
	err = x.f.disk.Link(path, staged, x.signature(m))
	switch {
	case err == nil:
		return staged, nil
	case staysApart(err):
		x.f.execution.keepApart(alike)
		return "", errApart
	}
	return "", x.refusedStep(err, path)
}

// staysApart tells whether err says that the filesystem knows no further names, or has enough of them.
func staysApart(err error) bool {
	for _, e := range []error{syscall.EMLINK, syscall.EXDEV, syscall.EPERM, syscall.ENOTSUP, syscall.ENOSYS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// keepApart has files that are alike stay files of their own: until the next start nothing else is tried.
func (e *execution) keepApart(alike journal.Alike) {
	if e.apart == nil || len(e.apart) >= maxApart {
		e.apart = map[journal.Alike]bool{}
	}
	e.apart[alike] = true
}

// joined: the new name has given its change time to the others of the file, which was as the signature says. If a
// program has written to the file meanwhile it is read again.
func (x *executor) joined(placed *journal.Applied, was signature.Signature) error {
	if !sameBytes(placed.Signature, was) {
		x.setWork(at(placed), work{whole: true})
		return nil
	}
	x.f.execution.renew(was, placed.Signature)
	return x.refresh(placed.Signature)
}

// dressed has a file on disk that has the content which n shows have its attributes, and be one inode with the files
// that it is to be one with, and with no others.
func (x *executor) dressed(home *journal.Applied, n tree.Node) error {
	if home.Content.Symlink {
		return x.attrs(home, n)
	}
	want := entry(n, at(home))
	if home.Group == want.Group && sameAttrs(home, want) {
		return x.rejoin(home, n)
	}
	others, all, err := x.names(home.Signature, at(home), together, nil)
	if err != nil {
		return err
	}
	if len(others) > 0 {
		if same, err := x.sameForAll(others, want); err != nil {
			return err
		} else if !same || !all {
			return x.part(home, n)
		}
	}
	if home, err = x.dressAll(home, n, others); err != nil {
		return err
	}
	return x.rejoin(home, n)
}

// sameForAll tells whether the other names of a file are to be what one of them is to be; or to go.
func (x *executor) sameForAll(others []*journal.Applied, want *journal.Applied) (bool, error) {
	alike, ok := want.Alike()
	if !ok {
		return false, nil
	}
	for _, o := range others {
		if err := x.quiet(at(o)); err != nil {
			return false, err
		}
		m, shown, err := x.shownAs(o)
		if err != nil {
			return false, err
		}
		if !shown {
			continue
		}
		if have, ok := entryOf(m, true, o).Alike(); !ok || have != alike {
			return false, nil
		}
	}
	return true, nil
}

// dressAll gives a file, under all its names, the attributes that n shows.
func (x *executor) dressAll(home *journal.Applied, n tree.Node, others []*journal.Applied) (*journal.Applied, error) {
	c := *home
	if c.Group = n.Group(); c.Group != home.Group {
		if err := x.put(&c); err != nil {
			return nil, err
		}
	}
	was := x.signature(&c)
	if err := x.attrs(&c, n); err != nil {
		return nil, err
	}
	now, err := at(home).applied(x.Tx)
	if err != nil || now == nil {
		return nil, again(err)
	}
	for _, o := range others {
		cur, err := at(o).applied(x.Tx)
		if err != nil {
			return nil, err
		}
		if cur == nil || x.signature(cur) != was {
			continue // it has been found to differ meanwhile
		}
		d := *cur
		d.Group, d.Mode, d.MTime, d.XAttrs, d.Signature = now.Group, now.Mode, now.MTime, now.XAttrs, now.Signature
		if err := x.put(&d); err != nil {
			return nil, err
		}
	}
	return now, nil
}

// part has a file at home be an inode of its own, or that of others, since the names that it shares one with are
// not to be alike any more.
func (x *executor) part(home *journal.Applied, n tree.Node) error {
	k := at(home)
	if done, err := x.linked(n, k, home); err != nil || done {
		return err
	}
	staged, err := x.staged(n)
	if errors.Is(err, errCopying) {
		x.needs[n.Content.Root]++
		return &errBlocked{block{err: errCopying, root: n.Content.Root}}
	}
	if err != nil {
		return err
	}
	return x.fill(n, k, home, staged)
}

// rejoin has a file that is as it is to be become one inode with the first of those that are alike. If it is the
// first itself, the others that are not one inode with it are looked at.
func (x *executor) rejoin(home *journal.Applied, n tree.Node) error {
	alike, ok := home.Alike()
	if !ok || x.f.execution.apart[alike] {
		return nil
	}
	first, err := x.Tx.FirstAlike(alike)
	switch {
	case err != nil || first == nil:
		return err
	case at(first) == at(home):
		return x.gather(first, alike)
	case first.Signature.Ino == home.Signature.Ino:
		return nil
	}
	if err := x.quiet(at(first)); err != nil {
		return err // it may not be alike for long
	}
	if err := x.link(n, at(home), home, first); !errors.Is(err, errApart) {
		return err
	}
	return nil
}

// gather has the files be looked at that are to be one inode with the first of them, and are not.
func (x *executor) gather(first *journal.Applied, alike journal.Alike) error {
	var l []*journal.Applied
	err := x.Tx.EachAlike(alike, func(a *journal.Applied) error {
		if len(l) >= together {
			return errEnough
		}
		if a.Signature.Ino != first.Signature.Ino {
			l = append(l, a)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	for _, a := range l {
		if err := x.lookWhere(a); err != nil {
			return err
		}
	}
	if err != nil {
		return errAgain
	}
	return nil
}

// lookWhere has what is to be at the place where an entry is on disk be looked at. What it is may be shown elsewhere: of
// twins the other may be in place there, and nothing be left to do.
func (x *executor) lookWhere(a *journal.Applied) error {
	up, err := owners(x.Tx, a.Parent)
	if err != nil || len(up) == 0 {
		return err
	}
	s := subject{up[0], family(a.Name)}
	delete(x.f.execution.blocked, s)
	x.f.execution.soon(s)
	return x.Tx.MarkDirty(s.dir, s.family)
}
