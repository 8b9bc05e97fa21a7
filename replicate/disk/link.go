package disk

import (
	"errors"

	"syncfs/journal"
	"syncfs/journal/change"
	"syncfs/journal/item"
	"syncfs/journal/signature"
	"syncfs/journal/step"
	"syncfs/replicate/tree"
)

const (
	together = 500 // names of one file that are changed in one transaction
	fewNames = 8   // whose change time is kept up to date; that of others tells nothing until they are read again
)

// takeLink: a file has got a further name. If the journal knows what it holds nothing is read again.
func (b *batch) takeLink(c change.Change) error {
	if c.Local {
		return nil
	}
	if c.Made.Kind == step.Symlink {
		return b.takeSymlink(c.To, c)
	}
	to, ok, err := b.vacant(c.To)
	if err != nil || !ok {
		return err
	}
	a, err := b.linkable(c.Path)
	if err != nil {
		return err
	}
	there, err := to.applied(b.Tx)
	if err != nil {
		return err
	}
	if a != nil && there == nil && sameBytes(a.Signature, c.Made.Signature) {
		if made, err := b.link(a, to, *c.Made); err != nil || made {
			return err
		}
	}
	b.setWork(to, work{whole: true, inode: c.Made.Signature.Ino})
	return nil
}

// linkable is a file at path of which the journal knows the content; nil where it is not known.
func (b *batch) linkable(path string) (*journal.Applied, error) {
	k, ok, err := find(b.Tx, path)
	if err != nil || !ok || b.f.scanner.first() || b.quiet(k) != nil {
		return nil, err
	}
	a, err := k.applied(b.Tx)
	if err != nil || a == nil || a.Dir || a.Absent || a.Content == nil || a.Content.Symlink {
		return nil, err
	}
	held, err := b.Tx.Held(a.IDs[0])
	if err != nil || held {
		return nil, err
	}
	return a, nil
}

// link makes what is at to, a further name of a, an item; false where the tree shows a with other attributes by now.
func (b *batch) link(a *journal.Applied, to key, st step.Stat) (made bool, err error) {
	shown, ok, err := b.NodeOf(a.IDs[0])
	if err != nil || !ok {
		return false, err
	}
	m := tree.Meta(shownXAttrs(shown.Meta))
	if digest(m) != a.XAttrs {
		return false, nil
	}
	m[item.Mode] = octal(a.Mode)
	k, err := seen(b.Tx, a)
	if err != nil {
		return false, err
	}
	dir, err := seenDir(b.Tx, to.dir)
	if err != nil {
		return false, err
	}
	c := *a.Content
	c.MTime = a.MTime
	id, group, err := b.Link(k, dir, to.name, c, m)
	if err != nil {
		return false, err
	}
	first := *a
	if err := b.settled(&first, k); err != nil {
		return false, err
	}
	if first.Group == item.Root {
		first.Group = group
		if err := b.enterAll(&first); err != nil {
			return false, err
		}
	}
	first.Signature = st.Signature
	second := first
	second.Parent, second.Name = to.dir, to.name
	second.IDs, second.CopyOf, second.CopyDots, second.Content = []item.ID{id}, item.ID{}, nil, &c
	if err := errors.Join(b.refresh(a.Signature), b.put(&first), b.put(&second)); err != nil {
		return true, err
	}
	// What was set before by the first name is not known yet if that was gone by the time that it was looked at.
	return true, b.attend(&second)
}

// names are those entries on disk of the file with signature sig, at most a limit, that are so and not at k. All: there
// are no others.
func (b *batch) names(sig signature.Signature, k key, limit int, so func(*journal.Applied) bool) (l []*journal.Applied, all bool, err error) {
	err = b.Tx.ByInode(sig.Dev, sig.Ino, func(a *journal.Applied) error {
		if at(a) == k || a.Dir || so != nil && !so(a) {
			return nil
		}
		if len(l) >= limit {
			return errEnough
		}
		l = append(l, a)
		return nil
	})
	if errors.Is(err, errEnough) {
		return l, false, nil
	}
	return l, true, err
}

// otherNames has what was found of the file at n, by one of its names, be so by all: what is written or set by one
// is so by all of them. Fn takes it in at another name, of those for which so tells that it is not. What is too much
// for one transaction follows in the next.
func (b *batch) otherNames(n *journal.Applied, so func(*journal.Applied) bool, fn func(*batch, *journal.Applied, string) error) error {
	return b.otherNamesAfter(n, key{}, so, fn)
}

func (b *batch) otherNamesAfter(n *journal.Applied, done key, so func(*journal.Applied) bool, fn func(*batch, *journal.Applied, string) error) error {
	l, all, err := b.names(n.Signature, at(n), together, func(a *journal.Applied) bool { return at(a).compare(done) > 0 && so(a) })
	if err != nil {
		return err
	}
	for _, a := range l {
		path, err := at(a).path(b.Tx)
		if err != nil {
			return err
		}
		if b.f.queue.touches(b.upTo, path) {
			b.relook(at(a))
		} else if err := fn(b, a, path); err != nil {
			return err
		}
	}
	if all {
		return nil
	}
	works, done := b.f.works, at(l[len(l)-1])
	b.then(func() {
		works.looks++
		b.f.later(0, func(b *batch) error {
			b.then(func() { works.looks-- })
			if now, err := at(n).applied(b.Tx); err != nil || now == nil || now.Signature != n.Signature {
				return err
			}
			return b.otherNamesAfter(n, done, so, fn)
		})
	})
	return nil
}

// passWork: what was to be done at k, where a name of a file goes, is to be done at another of its names, if it has
// any: it was written by this one.
func (b *batch) passWork(k key, a *journal.Applied) error {
	w, ok := b.toDo(k)
	b.dropWork(k)
	if !ok {
		return nil
	}
	var of signature.Signature
	if a != nil && !a.Dir {
		of = a.Signature
	}
	if w.inode != 0 && w.inode != of.Ino { // its content was never taken by this name
		folder, err := b.Tx.Folder()
		if err != nil {
			return err
		}
		of = signature.Signature{Dev: folder.Dev, Ino: w.inode}
	}
	if of.Ino == 0 {
		return nil
	}
	l, _, err := b.names(of, k, 1, nil)
	if err != nil || len(l) == 0 {
		return err
	}
	if other, has := b.f.works.get(at(l[0])); has {
		w = other // anew: a worker may have read it before it was written
	} else {
		w.busy = false
	}
	w.whole, w.ranges, w.tries = true, nil, 0
	b.setWork(at(l[0]), w)
	return nil
}

// sameAttrs tells whether the attributes are the same that are replicated.
func sameAttrs(a, b *journal.Applied) bool {
	return a.Mode == b.Mode && a.MTime == b.MTime && a.XAttrs == b.XAttrs
}

// refresh takes in the change time that something which changed no byte has given to the names of a file. Was is the
// signature before.
func (b *batch) refresh(was signature.Signature) error {
	l, _, err := b.names(was, key{}, fewNames, nil)
	if err != nil {
		return err
	}
	for _, a := range l {
		before := b.signature(a)
		if before != was {
			continue
		}
		path, err := at(a).path(b.Tx)
		if err != nil {
			return err
		}
		st, err := b.f.disk.Stat(path)
		if err != nil || !sameBytes(st.Signature, was) {
			continue
		}
		b.f.execution.renew(was, st.Signature)
		if st.Signature == a.Signature {
			continue
		}
		n := *a
		n.Signature = st.Signature
		if err := b.put(&n); err != nil {
			return err
		}
	}
	return nil
}

// An inode is a file on disk.
type inode struct{ dev, ino uint64 }

// A renewal says that nothing but steps of the executor has changed the change time of a file, from one time to
// that of a signature: a signature of a time between is as good as this one. So each of many names need not be
// noted anew for every step that is made on another.
type renewal struct {
	from int64
	to   signature.Signature
}

const maxRenewals = 10000

// renew notes that a step on a file of the signature was has given it the signature now.
func (e *execution) renew(was, now signature.Signature) {
	if e.renewals == nil || len(e.renewals) >= maxRenewals {
		e.renewals = map[inode]renewal{}
	}
	k := inode{was.Dev, was.Ino}
	r, ok := e.renewals[k]
	if !ok || r.to != was {
		r.from = was.CTime
	}
	r.to = now
	e.renewals[k] = r
}

// signature is that which an entry has by now, as far as steps have changed it.
func (b *batch) signature(a *journal.Applied) signature.Signature {
	r, ok := b.f.execution.renewals[inode{a.Signature.Dev, a.Signature.Ino}]
	if ok && sameBytes(a.Signature, r.to) && r.from <= a.Signature.CTime && a.Signature.CTime <= r.to.CTime {
		return r.to
	}
	return a.Signature
}

// sameBytes tells whether two signatures differ in nothing but the change time, which a new name sets too.
func sameBytes(a, b signature.Signature) bool {
	a.CTime = b.CTime
	return a == b
}

// regroup has a file that a program has put under a name, as n, be in the link group of its other names, or in none
// where it has no other: it has left that of the file which it replaced, was. Where the others are still to be found it
// is left where it is: they come to it.
func (b *batch) regroup(n, was *journal.Applied, nlink uint64) error {
	group := item.Root
	if nlink > 1 {
		var err error
		if group, err = b.groupWith(n); err != nil || group == item.Root {
			return err
		}
	}
	n.Group = group
	k, err := seen(b.Tx, n)
	if err != nil {
		return err
	}
	shown, ok, err := b.NodeOf(n.IDs[0])
	if err != nil || !ok || shown.Group() == n.Group {
		return err
	}
	switch {
	case n.Group != item.Root:
		err = b.SetMeta(k, item.Group, n.Group.String())
	case was != nil && shown.Group() == was.Group:
		err = b.ClearMeta(k, item.Group)
	}
	if err != nil {
		return err
	}
	return b.settled(n, k)
}

// regroupShown is regroup, for what was found to be as the tree shows it: a step put it there just before a crash, and a
// program may have made a further name of it since.
func (b *batch) regroupShown(n *journal.Applied, m tree.Node, nlink uint64) error {
	n.Group = m.Group()
	if nlink < 2 {
		return nil
	}
	return b.regroup(n, nil, nlink)
}

// groupWith is the link group of the other names of the file at n: a new one, which they enter, if they are in none.
func (b *batch) groupWith(n *journal.Applied) (group item.ID, err error) {
	l, _, err := b.names(n.Signature, at(n), together, nil)
	if err != nil || len(l) == 0 {
		return item.Root, err
	}
	for _, a := range l {
		if a.Group != item.Root {
			return a.Group, nil
		}
	}
	if b.f.scanner.first() {
		return item.Root, nil // all names are found first
	}
	if group, err = b.NewGroup(); err != nil {
		return group, err
	}
	c := *n
	c.Group = group
	return group, b.enterAll(&c)
}

// enterAll has all names of the file at n enter its group that are in none.
func (b *batch) enterAll(n *journal.Applied) error {
	l, _, err := b.names(n.Signature, at(n), together, func(a *journal.Applied) bool { return a.Group == item.Root })
	for _, a := range l {
		if err == nil {
			err = b.enterGroup(a, n.Group)
		}
	}
	return err
}

func (b *batch) enterGroup(a *journal.Applied, group item.ID) error {
	k, err := seen(b.Tx, a)
	if err != nil {
		return err
	}
	n := *a
	n.Group = group
	if err := b.SetMeta(k, item.Group, group.String()); err != nil {
		return err
	}
	if err := b.settled(&n, k); err != nil {
		return err
	}
	return b.put(&n)
}

// A member is an entry on disk that is to be in a link group.
type member struct {
	key   key
	group item.ID
	found bool // by the scan that makes the folder a replica: nobody has done it
}

// group puts files that the scan which makes a folder a replica has found under several names into link groups. The
// ID of a group comes from those of the items, so that two folders that are equal have the same.
func (s *scanner) group() error {
	var l []member
	err := s.f.journal.View(func(tx *journal.Tx) error {
		return tx.EachShared(func(names []*journal.Applied) error {
			l = append(l, membersOf(names)...)
			return nil
		})
	})
	if err != nil {
		return err
	}
	return s.f.inParts(len(l), func(b *batch, i int) error {
		a, err := l[i].key.applied(b.Tx)
		if err != nil || a == nil || a.Dir || a.Group != item.Root {
			return err
		}
		if !l[i].found {
			return b.enterGroup(a, l[i].group)
		}
		n := *a
		n.Group = l[i].group
		for _, id := range a.IDs {
			if err := b.AdoptGroup(id, n.Group); err != nil {
				return err
			}
		}
		return b.put(&n)
	})
}

// membersOf are those names of one file that are in no link group yet.
func membersOf(names []*journal.Applied) (l []member) {
	var lowest, group item.ID
	for _, a := range names {
		if a.Dir || a.Content == nil || a.Content.Symlink {
			return nil
		}
		if a.Group != item.Root {
			group = a.Group
		}
		for _, id := range a.IDs {
			if lowest == item.Root || id.Compare(lowest) < 0 {
				lowest = id
			}
		}
	}
	found := group == item.Root
	if found {
		group = item.FoundGroup(lowest)
	}
	for _, a := range names {
		if a.Group == item.Root {
			l = append(l, member{at(a), group, found})
		}
	}
	return l
}
