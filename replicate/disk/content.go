package disk

import (
	"errors"
	"slices"
	"strconv"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/replicate/tree"
)

// placeFile has a file be at k with its content and attributes.
func (x *executor) placeFile(n tree.Node, k key) error {
	if err := x.quiet(k); err != nil {
		return err
	}
	home, err := x.homeFile(n, k)
	if err != nil {
		return err
	}
	if home != nil {
		if err := x.quiet(at(home)); err != nil {
			return err
		}
	}
	if home != nil && !home.Absent && home.Content != nil && home.Content.Key() == n.Content.Key() {
		return x.keepFile(n, k, home)
	}
	if home != nil {
		if err := x.save(home); err != nil {
			return err
		}
		if home, err = x.homeFile(n, k); err != nil {
			return err
		}
	}
	if n.Group() != item.Root {
		if err := x.collect(); err != nil {
			return err
		}
		if done, err := x.linked(n, k, home); err != nil || done {
			return err
		}
	}
	staged, err := x.staged(n)
	if err == nil {
		err := x.fill(n, k, home, staged)
		if n.Content.Symlink {
			x.f.staging.discard(staged)
		}
		return err
	}
	if !errors.Is(err, errCopying) {
		return err
	}
	if err := x.collect(); err != nil {
		return err
	}
	if err := x.fresh(); err != nil {
		return err
	}
	donor, err := x.donor(n)
	if err != nil {
		return err
	}
	switch {
	case donor != nil && donor.spare && (home == nil || home.Absent):
		return x.takeOver(n, k, home, donor.Applied)
	case donor == nil && n.Content.Size > 0 && home != nil && !home.Absent:
		// An older content stays until this one is here, or until a conflict copy has taken it.
		if err := x.want(n); err != nil {
			return err
		}
		return &errBlocked{block{err: errCopying, root: n.Content.Root}}
	case donor == nil && n.Content.Size > 0:
		return x.enterAbsent(n, k, home)
	}
	x.needs[n.Content.Root]++
	if home == nil {
		if err := x.enterAbsent(n, k, home); err != nil {
			return err
		}
	}
	return &errBlocked{block{err: errCopying, root: n.Content.Root}}
}

// keepFile: the content is on disk; the file may have to move, or to be given other attributes.
func (x *executor) keepFile(n tree.Node, k key, home *journal.Applied) error {
	if at(home) != k {
		var err error
		if home, err = x.bring(k, func() (*journal.Applied, error) { return x.homeWith(n, k, n.Content) }); err != nil {
			return err
		}
	}
	home, err := x.identify(home, n)
	if err != nil {
		return err
	}
	return x.dressed(home, n)
}

// identify notes which node an entry on disk is.
func (x *executor) identify(a *journal.Applied, n tree.Node) (*journal.Applied, error) {
	if a.Content != nil && *a.Content == *n.Content && a.CopyOf == n.CopyOf && slices.Equal(a.CopyDots, n.CopyDots) && slices.Equal(a.IDs, n.IDs) {
		known := true
		for _, id := range a.IDs {
			dir, name, ok, err := x.Tx.Where(id)
			if err != nil {
				return nil, err
			}
			known = known && ok && (key{dir, name}) == at(a)
		}
		if known {
			return a, nil
		}
	}
	if err := x.fresh(); err != nil {
		return nil, err
	}
	c := *a
	c.IDs, c.CopyOf, c.CopyDots, c.Content = n.IDs, n.CopyOf, n.CopyDots, n.Content
	return &c, x.put(&c)
}

// staged is the name of an entry of staging that holds what n shows; errCopying if there is none.
func (x *executor) staged(n tree.Node) (string, error) {
	if n.Content.Symlink {
		name, err := x.f.staging.link(n.Content.Target)
		if err != nil {
			return "", &refusal{n.Name, err}
		}
		return name, nil
	}
	if name, ok := x.f.staging.ready(n.Content.Root); ok {
		return name, nil
	}
	return "", errCopying
}

// fill puts staged content at k. What the file is on disk elsewhere goes when it is there.
func (x *executor) fill(n tree.Node, k key, home *journal.Applied, staged string) error {
	home, old, err := x.room(n, k, home)
	if err != nil {
		return err
	}
	if home == nil && old == nil && x.sends(n) {
		return x.send(n, k, staged)
	}
	a := entry(n, k)
	switch err := x.f.staging.dress(staged, a, shownXAttrs(n.Meta)); {
	case notExist(err) && !n.Content.Symlink: // a step that took effect was not seen to the end, and has taken it
		return again(x.f.staging.used(x.batch, n.Content.Root, staged))
	case err != nil:
		return &refusal{n.Name, err}
	}
	placed, err := x.placeStep(staged, a, old)
	if err != nil {
		return err
	}
	if !n.Content.Symlink {
		if err := x.f.staging.used(x.batch, n.Content.Root, staged); err != nil {
			return err
		}
	}
	if home != nil && at(home) != k {
		if err := x.leave(at(home)); err != nil {
			return err
		}
	}
	return x.rejoin(placed, n)
}

// room has nothing be at k but what a node is on disk already, if it is there: old. It says where that is now.
func (x *executor) room(n tree.Node, k key, home *journal.Applied) (now, old *journal.Applied, err error) {
	if home != nil && at(home) == k {
		return home, home, nil
	}
	if home == nil || home.Absent || home.Content == nil {
		return home, nil, x.free(k)
	}
	waits, err := x.vacate(k)
	if err != nil {
		return nil, nil, err
	}
	if home, err = x.homeWith(n, k, home.Content); err != nil || home == nil {
		return nil, nil, again(err)
	}
	switch {
	case at(home) == k:
		return home, home, nil
	case waits == nil:
		return home, nil, nil
	}
	moved, err := x.exchange(home, waits)
	if errors.Is(err, errNoExchange) {
		return home, nil, x.toLimbo(waits)
	}
	return moved, moved, err
}

// homeWith is homeFile of a file that has the content; nil if it has another by now.
func (x *executor) homeWith(n tree.Node, k key, c *item.Content) (*journal.Applied, error) {
	a, err := x.homeFile(n, k)
	if err != nil || a == nil || a.Absent || a.Content == nil || a.Content.Key() != c.Key() {
		return nil, err
	}
	return a, nil
}

// leave clears what is left of a node at another place.
func (x *executor) leave(k key) error {
	a, err := k.applied(x.Tx)
	if err != nil || a == nil {
		return err
	}
	n, ok, err := x.shownAs(a)
	if err != nil {
		return err
	}
	if ok {
		if other, err := x.isTwin(n, k); err != nil || !other {
			return err
		}
	}
	return x.clear(a)
}

// isTwin tells whether the file n is in its place on disk, and k is another: of twins that became one node.
func (x *executor) isTwin(n tree.Node, k key) (bool, error) {
	if n.Dir || n.Parent == nil {
		return false, nil
	}
	dir, err := x.dir(n.Parent)
	if err != nil || (key{dir, n.Name}) == k {
		return false, err
	}
	a, err := key{dir, n.Name}.applied(x.Tx)
	return a != nil && slices.Equal(a.IDs, n.IDs), err
}

// takeOver moves to k a file that has the content and is not wanted where it is.
func (x *executor) takeOver(n tree.Node, k key, home, donor *journal.Applied) error {
	if home != nil {
		if err := x.removeStep(home); err != nil {
			return err
		}
	}
	if err := x.free(k); err != nil {
		return err
	}
	donor, err := at(donor).applied(x.Tx)
	if err != nil || donor == nil || donor.Content == nil || donor.Content.Key() != n.Content.Key() {
		return again(err)
	}
	moved, err := x.moveTo(donor, k)
	if err != nil {
		return err
	}
	// What the donor was is on disk nowhere now: its own family sees to it.
	for _, id := range donor.IDs {
		if m, ok, err := x.NodeOf(id); err != nil {
			return err
		} else if ok {
			if err := x.lookAt(m); err != nil {
				return err
			}
		}
	}
	if moved, err = x.identify(moved, n); err != nil {
		return err
	}
	return x.dressed(moved, n)
}

// enterAbsent enters a file that is shown, but whose content is not here.
func (x *executor) enterAbsent(n tree.Node, k key, home *journal.Applied) error {
	if home != nil && at(home) != k {
		if err := x.removeStep(home); err != nil {
			return err
		}
		home = nil
	}
	if home == nil {
		waits, err := x.vacate(k)
		if err != nil {
			return err
		}
		if waits != nil { // for this, which is in nobody's way now
			if err := x.lookAt(n); err != nil {
				return err
			}
			return errDoing
		}
	}
	if err := x.fresh(); err != nil {
		return err
	}
	if n.Group() != item.Root {
		// Where it could be a further name of a file that is here it can be a copy of it.
		if here, err := isHere(x.Tx, n.Content.Root); err != nil {
			return err
		} else if here {
			x.needs[n.Content.Root]++
		}
	}
	a := entry(n, k)
	a.Absent = true
	if err := x.want(n); err != nil {
		return err
	}
	if home == nil {
		x.enter = append(x.enter, a)
		return nil
	}
	x.invalidate(k)
	return x.put(a)
}

// want has the content of n be fetched. That others want it is not enough: when it has come, those who want it are
// looked at. What n was may have been changed or removed by what a step has had journaled: nobody might have the content
// any more.
func (x *executor) want(n tree.Node) error {
	id := n.IDs[0]
	if n.IsCopy() {
		id = n.CopyOf
	}
	shown, err := x.Want(id, n.Content.Root)
	if err == nil && !shown {
		err = errAgain
	}
	return err
}

// entry is n on disk at k.
func entry(n tree.Node, k key) *journal.Applied {
	a := &journal.Applied{
		Parent: k.dir, Name: k.name, IDs: n.IDs, CopyOf: n.CopyOf, CopyDots: n.CopyDots, Content: n.Content,
		Mode: modeOf(n, 0o644), MTime: n.Content.MTime, XAttrs: digest(shownXAttrs(n.Meta)),
		Group: n.Group(),
	}
	if t, err := strconv.ParseInt(n.Meta[item.MTime], 10, 64); err == nil {
		a.MTime = t
	}
	return a
}

// A donor is a file on disk that has a content; spare: it is not wanted where it is.
type donor struct {
	*journal.Applied
	spare bool
}

// donor is a file on disk with the content that n shows, a spare one if there is.
func (x *executor) donor(n tree.Node) (*donor, error) {
	if n.Content.Symlink {
		return nil, nil
	}
	var l []*journal.Applied
	err := x.Tx.ByRoot(n.Content.Root, func(a *journal.Applied) error {
		if len(l) < 8 && x.quiet(at(a)) == nil {
			l = append(l, a)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var best *donor
	for _, a := range l {
		m, ok, err := x.shownAs(a)
		if err != nil {
			return nil, err
		}
		spare := !ok || m.Content == nil || m.Content.Key() != n.Content.Key()
		if spare || best == nil {
			best = &donor{a, spare}
		}
		if spare {
			break
		}
	}
	return best, nil
}
