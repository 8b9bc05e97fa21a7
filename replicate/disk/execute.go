package disk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/name"
	"syncfs/journal/step"
	"syncfs/replicate/tree"
)

const (
	maxFamilies = 1000 // in one transaction of the executor
	maxSteps    = 1000
	maxReady    = 10000
	grace       = 500 * time.Millisecond // with contents that are on their way, if one has just come
	graceMost   = 2 * time.Second        // with all of them
	rescan      = time.Second
	quickRetry  = 250 * time.Millisecond
	longRetry   = 64 * time.Second
	unsafe      = 10 * time.Second // until the next try, where steps could not be brought to disk
)

// execution is what the executor remembers between its transactions; the families that it has to look
// at are in the journal.
type execution struct {
	blocked  map[subject]block
	waiting  map[item.Hash][]subject // those blocked that wait for a content, and some that did
	ready    []subject               // some that something has just come for: they are looked at first
	hold     time.Time               // until then nothing else is: most of what is wanted is about to come
	holdMost time.Time               // how long that goes on where contents come
	scanned  time.Time               // when all marks were last looked for
	none     uint64                  // one more than journal.Marks was when there was no mark
	families int                     // how many it takes at once: fewer after a transaction that was too large
	apart    map[journal.Alike]bool  // files that the filesystem makes no further names of
	renewals map[inode]renewal       // of files that have several names
	idle     bool                    // it has nothing to do now
}

// A subject is one family of names of one directory.
type subject struct {
	dir    item.ID
	family string
}

// A block says why a family can't be done for now, and until when: until the content of a file was taken,
// until a content is staged, or some time.
type block struct {
	err   error
	until time.Time
	work  *key
	root  item.Hash
	tries int
}

// errBlocked wraps why a family is to be tried again.
type errBlocked struct{ block }

func (e *errBlocked) Error() string { return e.err.Error() }
func (e *errBlocked) Unwrap() error { return e.err }

// Why a family may not be done in one go.
var (
	errDoing   = errors.New("waits for a name that waits for it")
	errEnough  = errors.New("enough for one transaction")
	errAgain   = errors.New("the disk has changed meanwhile")
	errStale   = errors.New("what programs did was taken in meanwhile")
	errLooked  = errors.New("the disk has changed meanwhile, and was looked at")
	errPending = errors.New("content of the file there is still to be taken")
	errCopying = errors.New("content is being copied")
	errPlacing = errors.New("is being put in place")
)

// again is errAgain, unless err has the transaction end: that must not pass for a family to be looked at once more.
func again(err error) error {
	if err != nil {
		return err
	}
	return errAgain
}

func (x *execution) init() {
	x.blocked, x.waiting, x.families = map[subject]block{}, map[item.Hash][]subject{}, maxFamilies
}

// block has a family wait.
func (x *execution) block(s subject, b block) {
	x.blocked[s] = b
	if b.root != (item.Hash{}) {
		x.waiting[b.root] = append(x.waiting[b.root], s)
	}
}

// arrived lets the families go on that waited for a content.
func (x *execution) arrived(root item.Hash) {
	for _, s := range x.waiting[root] {
		if x.blocked[s].root == root {
			delete(x.blocked, s)
			x.soon(s)
		}
	}
	delete(x.waiting, root)
}

// unblock lets all families go on.
func (x *execution) unblock() {
	x.none = 0
	clear(x.blocked)
	clear(x.waiting)
}

// soon has a family that is marked be looked at before others.
func (x *execution) soon(s subject) {
	if len(x.ready) < maxReady {
		x.ready = append(x.ready, s)
	}
}

// expect has most of what is wanted be waited for a little longer.
func (x *execution) expect(now time.Time) {
	if x.hold = now.Add(grace); x.hold.After(x.holdMost) {
		x.hold = x.holdMost
	}
}

// release ends the graceMost with contents on their way.
func (f *Folder) release() error {
	f.execution.hold, f.execution.holdMost = time.Time{}, time.Time{}
	f.execution.idle = false
	return nil
}

// execute makes the disk what the tree shows, for some of the families where it may differ: those first
// whose contents have come. More: there are others.
func (f *Folder) execute(ctx context.Context) (more bool, err error) {
	x := &f.execution
	f.staging.lose()
	if f.brake.on() || !f.scanner.knows() {
		x.idle = f.brake.on()
		return f.arrive()
	}
	come := f.staging.take(min(x.families, max(0, maxSteps-len(x.ready))))
	if len(come) > 0 {
		x.expect(f.options.Now())
	}
	l, held, err := f.marks(len(come) == 0)
	if err != nil {
		return false, err
	}
	x.idle = len(come)+len(x.ready)+len(l) == 0 && !held
	if len(come)+len(x.ready)+len(l) == 0 {
		if x.idle && len(x.blocked) == 0 && len(f.staging.files) > 0 {
			return false, f.staging.tidy()
		}
		return false, nil
	}
	var made *executor
	var lost *undurable
	err = f.update(func(b *batch) error {
		made = newExecutor(ctx, b)
		return made.run(come, l)
	})
	f.loose = f.loose || err != nil && made != nil && made.steps > 0
	switch {
	case errors.Is(err, journal.ErrTooLarge):
		// What was done on disk is found there when it is done again.
		f.staging.putBack(come)
		x.families = max(1, x.families/4)
		return true, nil
	case errors.As(err, &lost):
		f.staging.putBack(come)
		x.hold = f.options.Now().Add(unsafe)
		f.alarm(unsafe)
		return false, nil
	case err != nil:
		f.staging.putBack(come)
		return false, err
	}
	f.staging.entered(come)
	x.families = min(maxFamilies, x.families*2)
	f.staging.copyAll(made.needs)
	return true, nil
}

// marks is what to look at beside what is known to be ready: nothing while that is enough, or held back.
func (f *Folder) marks(rest bool) (l []journal.Dirty, held bool, err error) {
	x, now := &f.execution, f.options.Now()
	wait := x.hold.Sub(now)
	if f.joining.Load() > 0 {
		wait = grace
	}
	if wait > 0 {
		f.alarm(wait)
		return nil, true, nil
	}
	if (!rest || len(x.ready) > 0) && now.Sub(x.scanned) < rescan {
		return nil, false, nil
	}
	marks := f.journal.Marks() + 1
	if marks == x.none && len(x.blocked) == 0 {
		return nil, false, nil
	}
	x.scanned = now
	if l, err = f.dirty(); len(l) == 0 && len(x.blocked) == 0 {
		x.none = marks
	}
	return l, false, err
}

// dirty is some families to look at that are not blocked; directories all of whose families are to be
// looked at are spread into these.
func (f *Folder) dirty() ([]journal.Dirty, error) {
	now := f.options.Now()
	var l, all []journal.Dirty
	soon := time.Duration(0)
	err := f.journal.View(func(tx *journal.Tx) error {
		return tx.EachDirty(func(d journal.Dirty) error {
			if d.All {
				all = append(all, d)
				return nil
			}
			if wait, blocked := f.isBlocked(subject{d.Dir, d.Family}, now); blocked {
				if wait > 0 && (soon == 0 || wait < soon) {
					soon = wait
				}
				return nil
			}
			if l = append(l, d); len(l) >= f.execution.families {
				return errEnough
			}
			return nil
		})
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	for _, d := range all {
		if err := f.spread(d); err != nil {
			return nil, err
		}
	}
	if len(all) > 0 {
		return f.dirty()
	}
	if len(l) == 0 && soon > 0 {
		f.alarm(soon)
	}
	return l, nil
}

// alarm has the loop look again after some time.
func (f *Folder) alarm(d time.Duration) {
	if next, ok := f.nextTimer(); !ok || next > d {
		f.later(d, func(*batch) error { return nil })
	}
}

func (f *Folder) isBlocked(s subject, now time.Time) (time.Duration, bool) {
	b, ok := f.execution.blocked[s]
	switch {
	case !ok:
		return 0, false
	case b.work != nil:
		_, ok := f.works.get(*b.work)
		return 0, ok
	case b.root != item.Hash{}:
		return 0, true
	}
	return b.until.Sub(now), b.until.After(now)
}

// spread marks each family of a directory.
func (f *Folder) spread(d journal.Dirty) error {
	families := map[string]bool{}
	err := f.tree.View(func(v tree.View) error {
		dir, ok, err := v.Dir(d.Dir)
		if err != nil {
			return err
		}
		ids := []item.ID{d.Dir}
		if ok {
			ids = dir.IDs
			nodes, err := v.List(dir)
			if err != nil {
				return err
			}
			for _, n := range nodes {
				families[family(n.Name)] = true
			}
		}
		slots, err := slotsOf(v.Tx, ids)
		if err != nil {
			return err
		}
		for _, s := range slots {
			err := v.Tx.EachApplied(s, func(a *journal.Applied) error {
				families[family(a.Name)] = true
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	l := make([]string, 0, len(families))
	for n := range families {
		l = append(l, n)
	}
	if err := f.inParts(len(l), func(b *batch, i int) error { return b.Tx.MarkDirty(d.Dir, l[i]) }); err != nil {
		return err
	}
	return f.update(func(b *batch) error { return b.Tx.ClearDirty(d) })
}

// slotsOf are the directories on disk that items are.
func slotsOf(tx *journal.Tx, ids []item.ID) ([]journal.Slot, error) {
	var l []journal.Slot
	seen := map[journal.Slot]bool{}
	for _, id := range ids {
		s, ok, err := slotOf(tx, id)
		if err != nil {
			return nil, err
		}
		if ok && !seen[s] {
			seen[s] = true
			l = append(l, s)
		}
	}
	return l, nil
}

func slotOf(tx *journal.Tx, id item.ID) (journal.Slot, bool, error) {
	if id == item.Root {
		return 0, true, nil
	}
	dir, nm, ok, err := tx.Where(id)
	if err != nil || !ok {
		return 0, false, err
	}
	a, err := tx.Applied(dir, nm)
	if err != nil || a == nil || !a.Dir {
		return 0, false, err
	}
	return a.Slot, true, nil
}

func family(n string) string { return name.Family(n) }

// blockOf is what keeps a family from being done now; false where err ends the transaction.
func (f *Folder) blockOf(s subject, err error) (block, bool) {
	tries := f.execution.blocked[s].tries + 1
	wait := min(quickRetry<<min(tries, 10), longRetry)
	b := block{err: err, until: f.options.Now().Add(wait), tries: tries}
	var known *errBlocked
	switch {
	case errors.As(err, &known):
		b.work, b.root = known.work, known.root
		return b, true
	case errors.Is(err, errAgain) || errors.Is(err, errLooked) || errors.Is(err, errDoing):
		if tries < 3 {
			b.until = time.Time{}
		}
		return b, true
	case errors.Is(err, step.ErrBusy):
		b.until = f.options.Now().Add(quickRetry)
		return b, true
	}
	var refused *refusal
	return b, errors.As(err, &refused)
}

// A refusal is a step that the disk refused.
type refusal struct {
	Path string
	Err  error
}

func (r *refusal) Error() string { return fmt.Sprintf("%s: %v", r.Path, r.Err) }
func (r *refusal) Unwrap() error { return r.Err }
