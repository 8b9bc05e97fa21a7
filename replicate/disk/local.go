package disk

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate/session"
)

var _ session.Local = (*Folder)(nil)

// Begin takes in all that programs did before the call, stamps it, and returns when it is on disk: what they did, and
// then the journal that says so.
func (f *Folder) Begin(ctx context.Context) (version.Vector, error) {
	f.hurry()
	if err := f.taken(ctx); err != nil {
		return nil, err
	}
	v, err := f.tree.Stamp(ctx)
	if err != nil {
		return nil, err
	}
	if err := f.endure(); err != nil {
		return nil, err
	}
	return v, f.journal.Sync()
}

// Stamp stamps what is journaled by now, so that a session which begins soon has little left to stamp.
func (f *Folder) Stamp(ctx context.Context) error {
	_, err := f.tree.Stamp(ctx)
	return err
}

// endure returns when all that programs did, as far as it is journaled, is on disk.
func (f *Folder) endure() error {
	f.enduring.Lock()
	defer f.enduring.Unlock()
	if !f.unsafe.Swap(false) {
		return nil
	}
	err := f.disk.Durable(nil)
	if err != nil {
		f.unsafe.Store(true)
	}
	return err
}

// hurry has what programs did until now be brought to disk meanwhile: a session that begins soon waits for the rest alone.
func (f *Folder) hurry() {
	select {
	case f.haste <- struct{}{}:
	default:
	}
}

// hasten brings to disk what programs did as often as there is a hurry, until ctx ends.
func (f *Folder) hasten(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.haste:
			if err := f.endure(); err != nil {
				f.log.Debug("not on disk yet", "err", err) // the session tries again, and tells
			}
		}
	}
}

// taken returns when all that was recorded before the call is journaled, the contents of the files that were closed,
// and what did not fit and was looked at again.
func (f *Folder) taken(ctx context.Context) error {
	last := f.queue.last()
	return f.awaitJournaled(ctx, func() bool {
		if f.journaled < last || f.works.settled() > 0 || f.scanner.again() {
			return false
		}
		f.writing.Store(f.works.oldest())
		return true
	})
}

// Offer gives the states that a peer has not seen: also of what programs did since Begin, once that is on disk.
func (f *Folder) Offer(_ context.Context, have version.Vector, knowledge func(version.Vector) error, state func(*item.Item) error) error {
	return f.tree.Offer(have, func(v version.Vector) error {
		if err := f.endure(); err != nil {
			return err
		}
		return knowledge(v)
	}, state)
}

// Join joins the states of a peer. Where it would remove most of the folder's files these stay on disk, held.
func (f *Folder) Join(ctx context.Context, states iter.Seq2[*item.Item, error], knowledge version.Vector, part func()) error {
	removed := 0
	counted := func(yield func(*item.Item, error) bool) {
		for it, err := range states {
			if err == nil && !it.Dir && !it.Live() && f.isLive(it.ID) {
				removed++
			}
			if !yield(it, err) {
				return
			}
		}
	}
	parts := false
	err := f.tree.Join(counted, knowledge, func() {
		if !parts {
			parts = true
			f.joining.Add(1)
		}
		part()
	})
	if parts {
		defer f.joining.Add(-1)
	}
	if err != nil {
		return err
	}
	if err := f.journal.Sync(); err != nil {
		return err
	}
	return f.do(ctx, func() error {
		f.brake.tooMuch(removed, f.held.files, "a peer has removed")
		f.execution.unblock()
		f.execution.idle = false
		wanted, err := f.copyWanted()
		if wanted {
			now := f.options.Now()
			f.execution.holdMost = now.Add(graceMost)
			f.execution.expect(now)
		}
		return err
	})
}

func (f *Folder) isLive(id item.ID) (live bool) {
	_ = f.journal.View(func(tx *journal.Tx) error {
		it, err := tx.Known(id)
		live = it != nil && it.Live()
		return err
	})
	return live
}

// copyWanted has wanted contents copied that are on disk already: the file that has one now may have to give way
// before who wants it is in place. What a crash or a full disk has kept from being copied is copied by the next that
// looks. Wanted: there are contents that are wanted, here or not.
func (f *Folder) copyWanted() (wanted bool, err error) {
	here := map[item.Hash]int{}
	var ready []item.Hash
	err = f.journal.View(func(tx *journal.Tx) error {
		return tx.EachWanted(func(root item.Hash, id item.ID) error {
			wanted = true
			if len(f.staging.files[root]) > 0 {
				ready = append(ready, root)
				return nil
			}
			if ok, err := isHere(tx, root); err != nil || !ok {
				return err
			}
			linked, err := isNewName(tx, id)
			if !linked {
				here[root] = 1
			}
			return err
		})
	})
	if err != nil {
		return wanted, err
	}
	f.staging.copyAll(here)
	return wanted, f.inParts(len(ready), func(b *batch, i int) error { return b.satisfy(ready[i]) })
}

// serve has all who want a content given it: it has come to be on disk by itself.
func (b *batch) serve(root item.Hash) error {
	ids, err := b.Tx.Wanted(root)
	if err == nil && len(ids) > 0 {
		b.then(func() { b.f.staging.copyAll(map[item.Hash]int{root: 1}) })
	}
	return err
}

// isNewName tells whether an item may be nothing but a further name of a file that is here: the executor makes that, or
// has the content copied.
func isNewName(tx *journal.Tx, id item.ID) (bool, error) {
	known, err := tx.Known(id)
	if err != nil || known == nil || len(known.Entries) > 1 {
		return false, err
	}
	if r, ok := known.Meta[item.Group]; !ok || r.Absent {
		return false, nil
	}
	if _, _, there, err := tx.Where(id); err != nil || there {
		return false, err // it has been found not to be
	}
	older, err := tx.Older(id)
	return older == nil, err
}

var errFound = errors.New("found")

// isHere tells whether a content is on disk or staged.
func isHere(tx *journal.Tx, root item.Hash) (bool, error) {
	if root == emptyRoot {
		return true, nil
	}
	if st, err := tx.Staged(root); err != nil || st != nil {
		return st != nil, err
	}
	err := tx.Holders(root, func(journal.Slot, string) error { return errFound })
	if errors.Is(err, errFound) {
		return true, nil
	}
	return false, err
}

// wantsAtOnce is how many wanted contents are looked at in one View, and come directory by directory.
const wantsAtOnce = 16 << 10

// Wanted yields the contents that are not here. Those that are on their way come last, if they are asked for: they are
// waited for, and yielded if they have not come after all, since what was to be copied has been changed or removed.
// While a session is joined nothing arrives, so who fetches meanwhile does not ask for them.
func (f *Folder) Wanted(ctx context.Context, passed func(item.Hash) bool, coming bool) iter.Seq2[session.Want, error] {
	return func(yield func(session.Want, error) bool) {
		all, err := f.wants()
		if err != nil {
			yield(session.Want{}, err)
			return
		}
		all = slices.DeleteFunc(all, func(x want) bool { return passed(x.root) })
		give := func(x lack) bool {
			still, err := f.isWanted(x.want) // other sessions bring contents meanwhile
			if err == nil && !still {
				return true
			}
			if err == nil {
				err = ctx.Err()
			}
			return yield(x.Want, err) && err == nil
		}
		var late []lack
		for some := range slices.Chunk(all, wantsAtOnce) {
			l, err := f.lacking(some)
			if err != nil {
				yield(session.Want{}, err)
				return
			}
			for _, x := range l {
				if f.willCome(x) {
					late = append(late, x)
				} else if !give(x) {
					return
				}
			}
		}
		if !coming {
			return
		}
		for _, x := range late {
			if err := f.await(ctx, func() bool { return !f.staging.isUnder(x.root) }); err != nil {
				yield(session.Want{}, err)
				return
			}
			if !give(x) {
				return
			}
		}
	}
}

// A want is a content and an item that wants it.
type want struct {
	root item.Hash
	id   item.ID
}

// A lack is a want, and what is to be known to fetch it. Here: the content is on disk, and to be copied.
type lack struct {
	want
	session.Want
	here bool
	dir  item.ID // of the item
}

// wants is every content that is wanted, once.
func (f *Folder) wants() (all []want, err error) {
	err = f.journal.View(func(tx *journal.Tx) error {
		return tx.EachWanted(func(root item.Hash, id item.ID) error {
			if n := len(all); n == 0 || all[n-1].root != root {
				all = append(all, want{root, id})
			}
			return nil
		})
	})
	return all, err
}

// isWanted tells whether anybody wants a content still, first of all who did.
func (f *Folder) isWanted(x want) (wanted bool, err error) {
	err = f.journal.View(func(tx *journal.Tx) error {
		if wanted, err = tx.Wants(x.root, x.id); err != nil || wanted {
			return err
		}
		ids, err := tx.Wanted(x.root)
		wanted = len(ids) > 0
		return err
	})
	return wanted, err
}

// willCome tells whether a content is on its way, or is copied from where it is.
func (f *Folder) willCome(x lack) bool {
	if x.here && !f.staging.isUnder(x.root) {
		f.staging.copyAll(map[item.Hash]int{x.root: 1})
	}
	return x.here || f.staging.isUnder(x.root)
}

// lacking is what is to be known to fetch those contents that somebody wants: what is for one directory together, so that
// both sides do many things in one.
func (f *Folder) lacking(some []want) (l []lack, err error) {
	err = f.journal.View(func(tx *journal.Tx) error {
		for _, x := range some {
			y, ok, err := lackOfAny(tx, x)
			if err != nil {
				return err
			}
			if ok {
				l = append(l, y)
			}
		}
		return nil
	})
	slices.SortFunc(l, func(a, b lack) int { return cmp.Or(a.dir.Compare(b.dir), a.root.Compare(b.root)) })
	return l, err
}

// lackOfAny is lackOf, of the first who wants the content and can say what it is: a copy that has gone since, and is shown
// until the content comes that is to take its place, can't.
func lackOfAny(tx *journal.Tx, x want) (y lack, ok bool, err error) {
	if y, ok, err = lackOf(tx, x); err != nil || ok {
		return y, ok, err
	}
	ids, err := tx.Wanted(x.root)
	for _, id := range ids {
		if err != nil || ok {
			break
		}
		y, ok, err = lackOf(tx, want{x.root, id})
	}
	return y, ok, err
}

func lackOf(tx *journal.Tx, x want) (y lack, ok bool, err error) {
	known, err := tx.Known(x.id)
	if err != nil || known == nil {
		return y, false, err
	}
	y.want, y.dir = x, known.Place.Parent
	for _, e := range known.Entries {
		for _, c := range []*item.Content{e.Content, e.Keeps} {
			if c != nil && !c.Symlink && c.Root == x.root {
				y.Want, ok = session.Want{Root: x.root, Size: c.Size}, true
			}
		}
	}
	if !ok {
		return y, false, nil
	}
	if y.Size > session.Small {
		if y.Near, err = near(tx, x.id, x.root); err != nil {
			return y, false, err
		}
	}
	y.here, err = isHere(tx, x.root)
	return y, true, err
}

// near is the content that an item has on disk.
func near(tx *journal.Tx, id item.ID, not item.Hash) ([]item.Hash, error) {
	dir, name, ok, err := tx.Where(id)
	if err != nil || !ok {
		return nil, err
	}
	a, err := tx.Applied(dir, name)
	if err != nil || a == nil || a.Absent || a.Content == nil || a.Content.Symlink || a.Content.Root == not {
		return nil, err
	}
	return []item.Hash{a.Content.Root}, nil
}

func (s *staging) isUnder(root item.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.under[root]
	return ok
}

// Rest says what of the states known is not on disk.
func (f *Folder) Rest(context.Context) (session.Rest, error) {
	now := f.Status()
	r := session.Rest{Steps: now.Steps + now.Unread, Scanning: now.Scanning, Writing: f.written(now)}
	if now.Held != "" { // what is held stands still, the scan too
		r.Steps, r.Scanning, r.Writing = r.Steps+1, false, 0
	}
	err := f.journal.View(func(tx *journal.Tx) error {
		return tx.EachWanted(func(item.Hash, item.ID) error {
			r.Wanted++
			return nil
		})
	})
	return r, err
}

// written is for how long the file has been written that has been longest, now or when the last session began.
func (f *Folder) written(now Status) (longest time.Duration) {
	begin, _ := f.writing.Load().(time.Time)
	for _, since := range []time.Time{begin, now.WrittenSince} {
		if !since.IsZero() {
			longest = max(longest, f.options.Now().Sub(since), 1)
		}
	}
	return longest
}

// Settle returns when all that was joined and committed before the call is in place, or can't be for now.
func (f *Folder) Settle(ctx context.Context) error {
	if err := f.do(ctx, f.release); err != nil {
		return err
	}
	return f.awaitJournaled(ctx, func() bool {
		return f.execution.idle && f.works.settled() == 0 && f.staging.empty() && !f.scanner.again()
	})
}

// empty: nothing is on its way to the disk.
func (s *staging) empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting == 0 && len(s.under) == 0 && len(s.orders) == 0 && len(s.lost) == 0
}
