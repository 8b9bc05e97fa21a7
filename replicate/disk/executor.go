package disk

import (
	"context"
	"errors"
	"maps"
	"slices"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/replicate/tree"
)

// An executor makes the disk what the tree shows, one transaction long. It asks what a node needs before
// it: that its directory is in place, and that its name is free; so it comes to the steps in an order
// that works.
type executor struct {
	*batch
	ctx   context.Context
	steps int
	made  map[string]bool          // the paths that steps have changed something in, not known to be on disk yet
	enter []*journal.Applied       // absent files to be entered when all steps are made
	slots map[item.ID]journal.Slot // directories in place
	seen  uint64                   // what was journaled when the family under way was looked at
	doing map[item.ID]bool         // nodes that are being placed
	needs map[item.Hash]int        // contents to be copied, and how often

	placing placing
	alone   alone
	slowly  bool // what is new is put in place step by step
	parked  bool // something has changed places and is not where it is shown: there is no more to be done
}

func newExecutor(ctx context.Context, b *batch) *executor {
	return &executor{
		batch: b, ctx: ctx, made: map[string]bool{}, slots: map[item.ID]journal.Slot{}, doing: map[item.ID]bool{}, needs: map[item.Hash]int{},
	}
}

// run takes in contents that have come, and makes steps for families until all are done, or it is enough.
func (x *executor) run(come []content, l []journal.Dirty) error {
	defer x.placing.wait()
	for _, c := range come {
		if err := x.arrived(c); err != nil {
			return err
		}
	}
	if err := x.ready(); err != nil {
		return err
	}
	if err := x.families(l); err != nil {
		return err
	}
	if err := x.collect(); err != nil && !errors.Is(err, errEnough) {
		return err
	}
	for _, c := range come {
		if err := x.keepStaged(c); err != nil {
			return err
		}
	}
	if err := x.endure(); err != nil {
		return err
	}
	return x.enterAll()
}

// An undurable is why steps could not be brought to disk.
type undurable struct{ err error }

func (u *undurable) Error() string { return u.err.Error() }
func (u *undurable) Unwrap() error { return u.err }

// endure has the steps made be on disk before the journal says that they are made: a power cut that took them back would
// be read as what a user did.
func (x *executor) endure() error {
	if len(x.made) == 0 {
		return nil
	}
	if err := x.f.disk.Durable(slices.Sorted(maps.Keys(x.made))); err != nil {
		x.f.refuse("", err)
		return &undurable{err}
	}
	return nil
}

// changed notes that a step has changed entries of directories, or what is at paths. "" is the folder itself.
func (x *executor) changed(paths ...string) {
	for _, p := range paths {
		x.made[p] = true
	}
}

// ready makes steps for the families that something has come for, so many that others have their turn too.
func (x *executor) ready() error {
	e := &x.f.execution
	before := e.ready
	x.undo(func() { e.ready = before })
	now := x.f.options.Now()
	for n := 0; n < maxReady && len(e.ready) > 0 && x.more(); n++ {
		s := e.ready[0]
		d, ok, err := x.Tx.Dirty(s.dir, s.family)
		if err != nil {
			return err
		}
		if _, blocked := x.f.isBlocked(s, now); ok && !blocked {
			if err := x.one(d); errors.Is(err, errEnough) {
				return nil
			} else if err != nil {
				return err
			}
		}
		e.ready = e.ready[1:]
	}
	if len(e.ready) == 0 {
		e.ready = nil
	}
	return nil
}

// more tells whether there is room for more steps in this transaction.
func (x *executor) more() bool {
	return x.steps < maxSteps && !x.parked && !x.frozen() && x.ctx.Err() == nil
}

// enterAll enters files whose content is not here. A program that sees none there may be making an entry of
// that name at this moment: so no name changes until the transaction is committed, and what was made
// before is journaled first.
func (x *executor) enterAll() error {
	if len(x.enter) == 0 {
		return nil
	}
	if err := x.freeze(); err != nil {
		return err
	}
	if err := x.catchUp(x.f.queue.last()); err != nil {
		return err
	}
	for _, a := range x.enter {
		k := at(a)
		there, err := k.applied(x.Tx)
		if err != nil {
			return err
		}
		shown, err := x.isShownAt(a, k)
		if err != nil {
			return err
		}
		if !shown || there != nil || x.quiet(k) != nil {
			if err := x.lookAtItem(a.IDs[0]); err != nil {
				return err
			}
			continue
		}
		if err := x.put(a); err != nil {
			return err
		}
		x.invalidate(k)
	}
	return nil
}

func (x *executor) families(l []journal.Dirty) error {
	for _, d := range l {
		if !x.more() {
			return nil
		}
		if err := x.one(d); errors.Is(err, errEnough) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// one makes steps for one family, and is done with it, or will be when what is new is in place.
func (x *executor) one(d journal.Dirty) error {
	if x.placing.under[subject{d.Dir, d.Family}] {
		return nil
	}
	err := x.uptodate(func() error { return x.family(d) })
	x.alone = alone{}
	if errors.Is(err, errPlacing) {
		return nil
	}
	return x.done(d, err)
}

// uptodate calls fn, anew whenever what programs did was taken in amid it, as long as there is room for more steps.
func (x *executor) uptodate(fn func() error) error {
	was := x.seen
	defer func() { x.seen = was }()
	for {
		x.seen = x.upTo
		err := fn()
		if !errors.Is(err, errStale) {
			return err
		}
		if !x.more() {
			return errEnough
		}
	}
}

// fresh: what the executor has found out of the family under way still holds. A step takes in what programs did before it
// took effect, so nothing is changed after it that was not looked at anew: an item may be gone by then, or elsewhere.
func (x *executor) fresh() error {
	if x.upTo != x.seen {
		return errStale
	}
	return nil
}

// catchUp takes in what programs did; directories may not be in place any more.
func (x *executor) catchUp(n uint64) error {
	if n > x.upTo {
		clear(x.slots)
	}
	return x.batch.catchUp(n)
}

// done takes the mark of a family away that steps were made for, or notes why that is to be done later.
func (x *executor) done(d journal.Dirty, err error) error {
	s := subject{d.Dir, d.Family}
	if err == nil {
		delete(x.f.execution.blocked, s)
		return x.Tx.ClearDirty(d)
	}
	if errors.Is(err, errEnough) {
		return err
	}
	why, ok := x.f.blockOf(s, err)
	if !ok {
		return err
	}
	x.f.execution.block(s, why)
	if errors.Is(err, errLooked) {
		return errEnough // no name changes any more
	}
	return nil
}

// family makes one family of names on disk what the tree shows. It does what it can and returns the first
// thing that it could not.
func (x *executor) family(d journal.Dirty) error {
	dir, shown, err := x.Dir(d.Dir)
	if err != nil {
		return err
	}
	var first firstError
	placed := map[key]bool{}
	ids := []item.ID{d.Dir}
	if shown {
		ids = dir.IDs
		nodes, err := x.Family(dir, d.Family)
		if err != nil {
			return err
		}
		if err := x.inOrder(nodes); err != nil {
			return err
		}
		if err := x.lone(d, ids, nodes); err != nil {
			return err
		}
		for _, n := range nodes {
			err := x.place(n)
			if fatal := first.add(err); fatal != nil {
				return fatal
			}
			if err != nil {
				continue
			}
			if slot, err := x.dir(n.Parent); err == nil {
				placed[key{slot, n.Name}] = true
			}
		}
	}
	slots, err := slotsOf(x.Tx, ids)
	if err != nil {
		return err
	}
	for _, s := range slots {
		for _, nm := range x.f.held.names(s, d.Family) {
			if placed[key{s, nm}] {
				continue
			}
			a, err := x.Tx.Applied(s, nm)
			if err != nil {
				return err
			}
			if a == nil {
				continue
			}
			if fatal := first.add(x.evict(a)); fatal != nil {
				return fatal
			}
		}
	}
	return first.err
}

// inOrder puts nodes that are on disk nowhere first: what they hold may be where it is no longer wanted,
// and is to be had there before something else takes its place.
func (x *executor) inOrder(nodes []tree.Node) error {
	var failed error
	missing := func(n tree.Node) int {
		for _, id := range n.IDs {
			_, _, ok, err := x.Tx.Where(id)
			if err != nil {
				failed = err
			}
			if ok {
				return 1
			}
		}
		return 0
	}
	slices.SortStableFunc(nodes, func(a, b tree.Node) int { return missing(a) - missing(b) })
	return failed
}

// A firstError keeps the first error that others need not wait for.
type firstError struct{ err error }

// add returns err if it ends the transaction, or all of it that there is time for.
func (e *firstError) add(err error) error {
	if err == nil {
		return nil
	}
	var blocked *errBlocked
	var refused *refusal
	if errors.As(err, &blocked) || errors.As(err, &refused) || errors.Is(err, errAgain) || errors.Is(err, errDoing) || errors.Is(err, errPlacing) || isBusy(err) {
		if e.err == nil {
			e.err = err
		}
		return nil
	}
	return err
}

// place has a node be on disk where the tree shows it.
func (x *executor) place(n tree.Node) error {
	if n.Parent == nil {
		return nil
	}
	id := n.IDs[0]
	if _, ok := x.slots[id]; ok {
		return nil
	}
	if x.doing[id] {
		return errDoing
	}
	if err := x.fresh(); err != nil {
		return err
	}
	x.doing[id] = true
	defer delete(x.doing, id)
	dir, err := x.dir(n.Parent)
	if err != nil {
		return err
	}
	k := key{dir, n.Name}
	if n.Dir {
		return x.placeDir(n, k)
	}
	return x.placeFile(n, k)
}

// dir is where a directory is on disk, once it is in place.
func (x *executor) dir(ids []item.ID) (journal.Slot, error) {
	if ids[0] == item.Root {
		return 0, nil
	}
	if s, ok := x.slots[ids[0]]; ok {
		return s, nil
	}
	n, ok, err := x.Dir(ids[0])
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, errAgain
	}
	if err := x.place(n); err != nil {
		return 0, err
	}
	s, ok, err := slotOf(x.Tx, n.IDs[0])
	if err == nil && !ok {
		err = errAgain
	}
	return s, err
}

// placeDir has a directory be at k.
func (x *executor) placeDir(n tree.Node, k key) error {
	home, err := x.homeDir(n, k)
	if err != nil {
		return err
	}
	switch {
	case home == nil:
		if err := x.free(k); err != nil {
			return err
		}
		home, err = x.makeDir(n, k)
	case at(home) != k:
		home, err = x.bring(k, func() (*journal.Applied, error) { return x.homeDir(n, k) })
	}
	if err != nil {
		return err
	}
	if err := x.fresh(); err != nil {
		return err
	}
	others, err := x.lookAtOthers(n, home)
	if err != nil {
		return err
	}
	if others || !slices.Equal(home.IDs, n.IDs) {
		c := *home
		c.IDs = n.IDs
		if err := x.put(&c); err != nil {
			return err
		}
		home = &c
	}
	for _, id := range n.IDs {
		x.slots[id] = home.Slot
	}
	return x.setMode(home, n)
}

// lookAtOthers has the other directories on disk looked at that n was until now. Others: home has yet to be noted as all
// that it is.
func (x *executor) lookAtOthers(n tree.Node, home *journal.Applied) (others bool, err error) {
	for _, id := range n.IDs {
		dir, nm, ok, err := x.Tx.Where(id)
		if err != nil {
			return false, err
		}
		if ok && (key{dir, nm}) == at(home) {
			continue
		}
		others = true
		if !ok { // it was another directory as well, which is gone
			continue
		}
		up, err := owners(x.Tx, dir)
		if err != nil || len(up) == 0 {
			return others, err
		}
		delete(x.f.execution.blocked, subject{up[0], family(nm)})
		if err := x.Tx.MarkDirty(up[0], family(nm)); err != nil {
			return others, err
		}
	}
	return others, nil
}

// homeDir is the directory on disk that n is; of several the one at k. A directory on disk that stands for
// several items that are not one any more is the first of them that is shown.
func (x *executor) homeDir(n tree.Node, k key) (*journal.Applied, error) {
	var home *journal.Applied
	for _, id := range n.IDs {
		dir, nm, ok, err := x.Tx.Where(id)
		if err != nil {
			return nil, err
		}
		if !ok || home != nil && (key{dir, nm}) != k {
			continue
		}
		a, err := x.Tx.Applied(dir, nm)
		if err != nil {
			return nil, err
		}
		if a == nil || !a.Dir {
			continue
		}
		mine, err := x.isOwner(a, n)
		if err != nil {
			return nil, err
		}
		if mine {
			home = a
		}
	}
	return home, nil
}

func (x *executor) isOwner(a *journal.Applied, n tree.Node) (bool, error) {
	for _, id := range a.IDs {
		if slices.Contains(n.IDs, id) {
			return true, nil
		}
		if _, shown, err := x.Dir(id); err != nil || shown {
			return false, err
		}
	}
	return false, nil
}
