package disk

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"syscall"

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
	dirs  map[string]bool
}

func newScanner(f *Folder) *scanner {
	return &scanner{f: f, wake: make(chan struct{}, 1), whole: true, dirs: map[string]bool{}}
}

// first tells whether what is found makes the folder a replica.
func (s *scanner) first() bool { return s.contact.Load() }

// knows tells whether the journal says what is on disk, but for what the scan of first contact has not come
// to. Until then steps wait: what was moved while nobody looked would be taken for gone.
func (s *scanner) knows() bool { return s.ready.Load() || s.first() }

// ask has a directory looked at.
func (s *scanner) ask(dir string) {
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
func (s *scanner) asked() (whole bool, dirs []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	whole, s.whole = s.whole, false
	for d := range s.dirs {
		dirs = append(dirs, d)
	}
	s.dirs = map[string]bool{}
	return whole, dirs
}

func (s *scanner) waiting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.whole || len(s.dirs) > 0
}

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
		if err != nil {
			return err
		}
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

// scanAll compares everything. What is missing is journaled at the end, when all that has only moved is
// known to be elsewhere.
func (s *scanner) scanAll(ctx context.Context) error {
	root, ok, err := s.checkRoot()
	if err != nil || !ok {
		return err
	}
	s.entries.Store(0)
	var missing []key
	for dirs := []string{""}; len(dirs) > 0; {
		dir := dirs[len(dirs)-1]
		below, gone, err := s.scanDir(ctx, dir)
		if err != nil {
			return err
		}
		dirs = append(dirs[:len(dirs)-1], below...)
		missing = append(missing, gone...)
	}
	if err := s.f.await(ctx, func() bool { return s.f.works.settled() == 0 }); err != nil {
		return err
	}
	err = s.f.do(ctx, func() error {
		missing = append(missing, s.displaced...)
		s.displaced = nil
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.remove(ctx, missing); err != nil {
		return err
	}
	if s.first() {
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
	return nil
}

// scanSome compares some directories. What is missing in one may be anywhere: then all is compared.
func (s *scanner) scanSome(ctx context.Context, dirs []string) error {
	for len(dirs) > 0 {
		d := dirs[len(dirs)-1]
		known, err := s.dirsIn(d)
		if err != nil {
			return err
		}
		below, gone, err := s.scanDir(ctx, d)
		if err != nil {
			return err
		}
		dirs = dirs[:len(dirs)-1]
		for _, b := range below {
			if !known[b] {
				dirs = append(dirs, b)
			}
		}
		if len(gone) > 0 {
			s.askAll()
		}
	}
	return nil
}

// dirsIn is the paths of the directories in a directory that the journal knows.
func (s *scanner) dirsIn(dir string) (map[string]bool, error) {
	known := map[string]bool{}
	err := s.f.journal.View(func(tx *journal.Tx) error {
		slot, ok, err := findDir(tx, dir)
		if err != nil || !ok {
			return err
		}
		return tx.EachApplied(slot, func(a *journal.Applied) error {
			if a.Dir {
				known[join(dir, a.Name)] = true
			}
			return nil
		})
	})
	return known, err
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

// scanDir compares one directory: it has what differs confirmed, and gives the directories below and what is
// missing.
func (s *scanner) scanDir(ctx context.Context, dir string) (below []string, missing []key, err error) {
	l, err := s.f.disk.List(dir)
	if err != nil {
		if !notExist(err) && !errors.Is(err, syscall.ENOTDIR) {
			s.f.refuse(dir, err)
		}
		return nil, nil, nil // nothing is known to be missing
	}
	s.entries.Add(int64(len(l)))
	differ, missing, err := s.compare(dir, l)
	if err != nil {
		return nil, nil, err
	}
	for len(differ) > 0 {
		n := min(confirmed, len(differ))
		part := differ[:n]
		differ = differ[n:]
		if err := s.f.do(ctx, func() error { return s.f.confirm(dir, part) }); err != nil {
			return nil, nil, err
		}
		if err := s.f.await(ctx, func() bool { return s.f.works.settled() < ahead }); err != nil {
			return nil, nil, err
		}
	}
	for _, st := range l {
		if st.Kind == step.Dir {
			below = append(below, join(dir, st.Name))
		}
	}
	return below, missing, nil
}

// compare is the names in a directory that are not as the journal says, and those that are not there.
func (s *scanner) compare(dir string, l []step.Stat) (differ []string, missing []key, err error) {
	err = s.f.journal.View(func(tx *journal.Tx) error {
		slot, ok, err := findDir(tx, dir)
		if err != nil || !ok {
			return err
		}
		known := map[string]*journal.Applied{}
		err = tx.EachApplied(slot, func(a *journal.Applied) error {
			known[a.Name] = a
			return nil
		})
		if err != nil {
			return err
		}
		for _, st := range l {
			if differs(known[st.Name], st) {
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

// Rescan has the folder compared with the journal again: programs change a folder that is not mounted
// without a word.
func (f *Folder) Rescan() {
	f.scanner.ready.Store(false)
	f.scanner.askAll()
}
