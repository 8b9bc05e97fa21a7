package disk

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"syncfs/journal"
	"syncfs/replicate/tree"
	"syncfs/replicate/view"
)

// limbo begins the name of what is out of its place for a moment, where it can't change places with another.
const limbo = ".syncfs-limbo-"

func isLimbo(name string) bool { return strings.HasPrefix(name, limbo) }

// shownAs is the node that an entry on disk is; false where it is none, or the node is elsewhere on disk.
func (x *executor) shownAs(a *journal.Applied) (tree.Node, bool, error) {
	for _, id := range a.IDs {
		dir, nm, ok, err := x.Tx.Where(id)
		if err != nil {
			return tree.Node{}, false, err
		}
		if !ok || (key{dir, nm}) != at(a) {
			continue
		}
		n, ok, err := x.NodeOf(id)
		if err != nil {
			return tree.Node{}, false, err
		}
		if !ok {
			continue
		}
		home, err := x.homeOf(n, a)
		if err != nil {
			return tree.Node{}, false, err
		}
		if home {
			return n, true, nil
		}
	}
	return tree.Node{}, false, nil
}

// homeOf tells whether a is what of n is on disk, were it not for others at the right place.
func (x *executor) homeOf(n tree.Node, a *journal.Applied) (bool, error) {
	if n.Dir {
		home, err := x.homeDir(n, at(a))
		return home != nil && at(home) == at(a), err
	}
	home, err := x.homeFile(n, at(a))
	return home != nil && at(home) == at(a), err
}

// evict has an entry go that is not shown where it is: to where it is shown, or away.
func (x *executor) evict(a *journal.Applied) error {
	if err := x.collect(); err != nil {
		return err
	}
	n, ok, err := x.shownAs(a)
	if err != nil {
		return err
	}
	if !ok {
		return x.clear(a)
	}
	if err := x.place(n); err != nil {
		return err
	}
	return x.leave(at(a)) // of twins the other may have been in place
}

// free has nothing be at k that the journal knows of.
func (x *executor) free(k key) error {
	waits, err := x.vacate(k)
	if err != nil || waits == nil {
		return err
	}
	return x.toLimbo(waits)
}

// vacate has what is at k go to where it is shown, or away. What is there then waits for what is to be at k: to be
// placed itself, or to have what is in it placed.
func (x *executor) vacate(k key) (waits *journal.Applied, err error) {
	if err := x.quiet(k); err != nil {
		return nil, err
	}
	a, err := k.applied(x.Tx)
	if err != nil || a == nil {
		return nil, err
	}
	err = x.evict(a)
	if err != nil && !errors.Is(err, errDoing) {
		return nil, err
	}
	if a, err = k.applied(x.Tx); err != nil || a == nil {
		return nil, err
	}
	if a.Absent {
		return nil, x.clear(a)
	}
	return a, nil
}

// toLimbo moves what waits out of the way, where nothing can change places with it.
func (x *executor) toLimbo(a *journal.Applied) error {
	to := key{a.Parent, limbo + randomName()}
	if err := x.astray(a, to); err != nil {
		return err
	}
	_, err := x.moveTo(a, to)
	return err
}

// astray has the executor look again at what is out of its place, at to, and where it ought to be.
func (b *batch) astray(a *journal.Applied, to key) error {
	up, err := owners(b.Tx, to.dir)
	if err != nil || len(up) == 0 {
		return err
	}
	if err := b.Tx.MarkDirty(up[0], family(to.name)); err != nil {
		return err
	}
	for _, id := range a.IDs {
		if err := b.lookAtItem(id); err != nil {
			return err
		}
	}
	return nil
}

// randomName has 64 random bits.
func randomName() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// clear takes an entry away: a file to trash, a directory once all that is in it has gone where it is
// shown, or away.
func (x *executor) clear(a *journal.Applied) error {
	if err := x.quiet(at(a)); err != nil {
		return err
	}
	if !a.Dir {
		k, was := at(a), a
		if err := x.save(a); err != nil {
			return err
		}
		var err error
		if a, err = k.applied(x.Tx); err != nil || a == nil {
			return err
		}
		if _, ok, err := x.shownAs(a); err != nil || ok && !a.Absent && !slices.Equal(a.IDs, was.IDs) {
			return err // what was here has given way to what is to be here: it is in limbo, or gone
		}
	}
	if a.Dir {
		var below []*journal.Applied
		err := x.Tx.EachApplied(a.Slot, func(c *journal.Applied) error {
			below = append(below, c)
			return nil
		})
		if err != nil {
			return err
		}
		for _, c := range below {
			if err := x.evict(c); err != nil {
				return err
			}
		}
	}
	return x.removeStep(a)
}

// save sees to it that the content of a file, before it goes, is where else the tree shows it: a copy of
// it may be on disk nowhere yet, and may take the file itself.
func (x *executor) save(a *journal.Applied) error {
	if a.Absent || a.Content == nil || a.Content.Symlink {
		return nil
	}
	if err := x.collect(); err != nil {
		return err
	}
	if ids, err := x.Tx.Wanted(a.Content.Root); err != nil {
		return err
	} else if _, ok := x.f.staging.ready(a.Content.Root); len(ids) > 0 && !ok {
		x.needs[a.Content.Root]++
		return &errBlocked{block{err: errCopying, root: a.Content.Root}}
	}
	ids := a.IDs
	if len(a.CopyDots) > 0 {
		ids = append(slices.Clone(ids), a.CopyOf)
	}
	for _, id := range ids {
		n, ok, err := x.NodeOf(id)
		if err != nil {
			return err
		}
		if !ok || n.Dir {
			continue
		}
		kin, err := x.Family(tree.Node{Node: view.Node{IDs: n.Parent, Dir: true}}, family(n.Name))
		if err != nil {
			return err
		}
		for _, c := range kin {
			if err := x.saveFor(c, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// saveFor has a node be in place that shows the content of a, if it has that nowhere else.
func (x *executor) saveFor(n tree.Node, a *journal.Applied) error {
	if n.Dir || n.Content.Key() != a.Content.Key() {
		return nil
	}
	home, err := x.homeFile(n, key{a.Parent, n.Name})
	if err != nil {
		return err
	}
	if home != nil && (at(home) == at(a) || !home.Absent && home.Content != nil && home.Content.Key() == a.Content.Key()) {
		return nil
	}
	return x.place(n)
}

// quiet: no program has changed the file at k in a way that the journal does not hold.
func (b *batch) quiet(k key) error {
	if _, ok := b.f.works.get(k); ok {
		return &errBlocked{block{err: errPending, work: &k}}
	}
	return nil
}

// homeFile is the file on disk that n is: the one at k, else one of its content, else any.
func (x *executor) homeFile(n tree.Node, k key) (*journal.Applied, error) {
	var l []*journal.Applied
	for _, id := range n.IDs {
		dir, nm, ok, err := x.Tx.Where(id)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		a, err := x.Tx.Applied(dir, nm)
		if err != nil {
			return nil, err
		}
		if a != nil && !a.Dir {
			l = append(l, a)
		}
	}
	if len(l) == 0 {
		return nil, nil
	}
	worth := func(a *journal.Applied) int {
		switch {
		case at(a) == k:
			return 3
		case !a.Absent && a.Content != nil && a.Content.Key() == n.Content.Key():
			return 2
		case !a.Absent:
			return 1
		}
		return 0
	}
	return slices.MaxFunc(l, func(a, b *journal.Applied) int { return worth(a) - worth(b) }), nil
}
