package disk

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"syncfs/journal"
	"syncfs/journal/signature"
	"syncfs/journal/step"
)

const (
	confirmed = 256  // entries confirmed at once, no name changing meanwhile
	ahead     = 2000 // files found whose content is still to be taken, before the scan waits
)

// A scanner compares the disk with what the journal says is on it: all of it once after each start, then
// directories in which something did not fit.
type scanner struct {
	f       *Folder
	wake    chan struct{}
	contact atomic.Bool // the folder is being made a replica
	ready   atomic.Bool // the scan of this start is done
	entries atomic.Int64

	displaced []key // the loop's: what was not where it was, for the scan to find elsewhere

	mu    sync.Mutex // guards what follows; nothing is locked after it
	whole bool       // all is to be compared
	dirs  map[journal.Slot]bool
	at    bool // something is being compared
}

func newScanner(f *Folder) *scanner {
	return &scanner{f: f, wake: make(chan struct{}, 1), whole: true, dirs: map[journal.Slot]bool{}}
}

// first tells whether what is found makes the folder a replica.
func (s *scanner) first() bool { return s.contact.Load() }

// knows tells whether the journal says what is on disk, but for what the scan of first contact has not come
// to. Until then steps wait: what was moved while nobody looked would be taken for gone.
func (s *scanner) knows() bool { return s.ready.Load() || s.first() }

// ask has a directory looked at.
func (s *scanner) ask(dir journal.Slot) {
	s.mu.Lock()
	s.dirs[dir] = true
	s.mu.Unlock()
	s.poke()
}

// askAll has everything looked at.
func (s *scanner) askAll() {
	s.mu.Lock()
	s.whole = true
	s.mu.Unlock()
	s.poke()
}

func (s *scanner) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// asked is what is to be looked at.
func (s *scanner) asked() (whole bool, dirs []journal.Slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	whole, s.whole = s.whole, false
	for d := range s.dirs {
		dirs = append(dirs, d)
	}
	s.dirs = map[journal.Slot]bool{}
	s.at = whole || len(dirs) > 0
	return whole, dirs
}

func (s *scanner) waiting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.whole || len(s.dirs) > 0 || s.at
}

// again tells whether something is to be looked at again: the scan after a start is over, or it is that of first
// contact, which nobody waits for.
func (s *scanner) again() bool { return s.ready.Load() && s.waiting() }

func (s *scanner) run(ctx context.Context) error {
	for {
		whole, dirs := s.asked()
		var err error
		switch {
		case whole:
			err = s.scanAll(ctx)
		case len(dirs) > 0:
			err = s.scanSome(ctx, dirs)
		}
		if noRoom(err) {
			s.askAll()
			if err := s.later(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.at = false
		s.mu.Unlock()
		if !s.waiting() {
			s.f.nudge(ctx)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.wake:
		}
	}
}

// later lets some time pass.
func (s *scanner) later(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(whenFull):
		return nil
	}
}

// scanAll compares everything. What is missing is journaled at the end, when all that has only moved is
// known to be elsewhere.
func (s *scanner) scanAll(ctx context.Context) error {
	root, ok, err := s.checkRoot()
	if err != nil || !ok {
		return err
	}
	s.entries.Store(0)
	var missing []key
	for dirs := []journal.Slot{0}; len(dirs) > 0; {
		dir := dirs[len(dirs)-1]
		found, err := s.scanDir(ctx, dir)
		if err != nil {
			return err
		}
		dirs = append(dirs[:len(dirs)-1], found.below...)
		missing = append(missing, found.missing...)
	}
	if err := s.f.await(ctx, func() bool { return s.f.works.settled() == 0 }); err != nil {
		return err
	}
	for done := false; !done; {
		if err := s.remove(ctx, missing); err != nil {
			return err
		}
		err := s.f.do(ctx, func() error {
			missing, s.displaced = s.displaced, nil
			if done = len(missing) == 0; done && !s.first() {
				s.ready.Store(true)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if s.first() {
		if err := s.f.do(ctx, s.group); err != nil {
			return err
		}
		err := s.f.do(ctx, func() error {
			return s.f.update(func(b *batch) error { return b.Tx.SetFolder(root) })
		})
		if err != nil {
			return err
		}
		s.contact.Store(false)
	}
	s.ready.Store(true)
	s.f.queue.poke()
	return s.f.do(ctx, func() error {
		_, err := s.f.copyWanted()
		return err
	})
}

// scanSome compares some directories, and those found in them that are new. What is missing in one may be
// anywhere: then all is compared.
func (s *scanner) scanSome(ctx context.Context, dirs []journal.Slot) error {
	for len(dirs) > 0 {
		found, err := s.scanDir(ctx, dirs[len(dirs)-1])
		if err != nil {
			return err
		}
		dirs = append(dirs[:len(dirs)-1], found.fresh...)
		if len(found.missing) > 0 {
			s.askAll()
		}
	}
	return nil
}

// checkRoot tells whether this is the folder that the journal speaks of.
func (s *scanner) checkRoot() (signature.Signature, bool, error) {
	var sig signature.Signature
	st, err := s.f.disk.Stat("")
	if err != nil {
		s.f.brake.hold("the folder can't be read: " + err.Error())
		return sig, false, nil
	}
	err = s.f.journal.View(func(tx *journal.Tx) error {
		var err error
		sig, err = tx.Folder()
		return err
	})
	if err != nil {
		return sig, false, err
	}
	now := signature.Signature{Dev: st.Signature.Dev, Ino: st.Signature.Ino}
	switch {
	case sig == signature.Signature{}:
		s.contact.Store(true)
	case sig != now:
		s.f.brake.hold("this is another folder than the one that the journal is of")
		return sig, false, nil
	}
	return now, true, nil
}

// A finding is what a scan finds in one directory, besides what it has confirmed.
type finding struct {
	below   []journal.Slot // the directories in it,
	fresh   []journal.Slot // of which the journal did not know these
	missing []key
}

// scanDir compares one directory, and has what differs confirmed.
func (s *scanner) scanDir(ctx context.Context, slot journal.Slot) (found finding, err error) {
	l, ok, err := s.list(ctx, slot)
	if err != nil || !ok {
		return found, err
	}
	s.entries.Add(int64(len(l)))
	differ, missing, err := s.compare(slot, l)
	if err != nil {
		return found, err
	}
	for part := range slices.Chunk(differ, confirmed) {
		if err := s.f.do(ctx, func() error { return s.f.confirm(slot, part) }); err != nil {
			return found, err
		}
		if err := s.f.await(ctx, func() bool { return s.f.works.settled() < ahead }); err != nil {
			return found, err
		}
	}
	found.missing = missing
	return found, s.f.journal.View(func(tx *journal.Tx) error {
		return tx.EachApplied(slot, func(a *journal.Applied) error {
			if a.Dir {
				found.below = append(found.below, a.Slot)
				if slices.Contains(differ, a.Name) {
					found.fresh = append(found.fresh, a.Slot)
				}
			}
			return nil
		})
	})
}

// list is what is in a directory, wherever it is by now; false where that can't be known. A program may have another
// directory at its path, as the queue will tell.
func (s *scanner) list(ctx context.Context, slot journal.Slot) (l []step.Stat, ok bool, err error) {
	another := false
	for range maxTries {
		var dir string
		var a *journal.Applied
		err := s.f.journal.View(func(tx *journal.Tx) (err error) {
			if dir, err = tx.SlotPath(slot); err == nil && slot != 0 {
				a, err = tx.AppliedSlot(slot)
			}
			return err
		})
		if err != nil {
			return nil, false, nil // gone since
		}
		l, err := s.f.disk.List(dir)
		another = err == nil && !s.isAt(dir, a)
		switch {
		case another:
		case err == nil:
			s.f.couldRead(key{dir: slot})
			return l, true, nil
		case !notExist(err):
			return nil, false, s.f.do(ctx, func() error { // nothing is known to be missing
				s.f.cantRead(key{dir: slot}, dir, err)
				return nil
			})
		}
		if err := s.f.do(ctx, s.f.drain); err != nil {
			return nil, false, err
		}
	}
	if another { // from above, it is found out what it is
		s.askAll()
	}
	return nil, false, nil
}

// isAt tells whether the directory that the journal knows as a is at a path; nil is the folder.
func (s *scanner) isAt(dir string, a *journal.Applied) bool {
	if a == nil || a.Signature.Ino == 0 {
		return true
	}
	st, err := s.f.disk.Stat(dir)
	return err == nil && is(a, st)
}

// compare is the names in a directory that are not as the journal says, and those that are not there.
func (s *scanner) compare(slot journal.Slot, l []step.Stat) (differ []string, missing []key, err error) {
	err = s.f.journal.View(func(tx *journal.Tx) error {
		known := map[string]*journal.Applied{}
		err := tx.EachApplied(slot, func(a *journal.Applied) error {
			known[a.Name] = a
			return nil
		})
		if err != nil {
			return err
		}
		dir, err := tx.SlotPath(slot)
		if err != nil {
			return nil // gone since
		}
		for _, st := range l {
			if a := known[st.Name]; differs(a, st) || s.setAnew(a, join(dir, st.Name), st) {
				differ = append(differ, st.Name)
			}
			delete(known, st.Name)
		}
		for name, a := range known {
			if !a.Absent {
				missing = append(missing, key{slot, name})
			}
		}
		return nil
	})
	return differ, missing, err
}

// differs tells whether an entry may not be what the journal says.
func differs(a *journal.Applied, st step.Stat) bool {
	switch {
	case st.Kind == step.Other:
		return a != nil && !a.Absent
	case a == nil || a.Absent || a.Dir != (st.Kind == step.Dir):
		return true
	case a.Dir:
		return a.Mode != st.Mode&modeBits || a.Signature.Dev != st.Signature.Dev || a.Signature.Ino != st.Signature.Ino
	}
	return a.Racy || a.Signature != st.Signature
}

// setAnew tells whether a directory that is otherwise as the journal says has other extended attributes. They are read
// only where something about it has changed.
func (s *scanner) setAnew(a *journal.Applied, path string, st step.Stat) bool {
	return a != nil && a.Dir && a.Signature.CTime != st.Signature.CTime && digest(s.f.xattrs(path)) != a.XAttrs
}

// Rescan has the folder compared with the journal again: programs change a folder that is not mounted
// without a word.
func (f *Folder) Rescan() {
	f.scanner.ready.Store(false)
	f.scanner.askAll()
}
