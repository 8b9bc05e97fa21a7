package disk

import (
	"context"
	"slices"

	"syncfs/journal"
	"syncfs/journal/step"
)

// confirm takes in what a scan found to differ, if it still does when all that was recorded is journaled
// and no name changes.
func (f *Folder) confirm(slot journal.Slot, names []string) error {
	return f.disk.Freeze(func() error {
		if err := f.drain(); err != nil {
			return err
		}
		return f.inParts(len(names), func(b *batch, i int) error {
			path, err := key{slot, names[i]}.path(b.Tx)
			if err != nil {
				return nil // the directory is gone
			}
			return b.found(path)
		})
	})
}

// found takes in what is at path, which may have been moved there.
func (b *batch) found(path string) error {
	st, err := b.f.disk.Stat(path)
	if err != nil {
		return nil // gone again
	}
	k, ok, err := find(b.Tx, path)
	if err != nil || !ok {
		return err
	}
	a, err := k.applied(b.Tx)
	if err != nil {
		return err
	}
	if a != nil && a.Absent { // who made this did not see the file that is known there
		if err := b.unplace(a); err != nil {
			return err
		}
		a = nil
	}
	if a == nil || a.Signature.Ino != st.Signature.Ino {
		if err := b.movedTo(k, a, st); err != nil {
			return err
		}
	}
	return b.observed(k, path, st)
}

// unplace forgets where an absent file is; the executor finds a place for it.
func (b *batch) unplace(a *journal.Applied) error {
	if err := b.drop(a); err != nil {
		return err
	}
	for _, id := range a.IDs {
		if err := b.lookAtItem(id); err != nil {
			return err
		}
	}
	return nil
}

// movedTo recognises by its inode what was moved to k while nobody looked.
func (b *batch) movedTo(k key, over *journal.Applied, st step.Stat) error {
	if st.Kind == step.Other {
		return nil
	}
	was, path, err := b.movedFrom(k, st)
	if err != nil || was == nil {
		return err
	}
	old, gone := b.f.disk.Stat(path)
	if inside, err := b.isInside(k, was); err != nil || inside {
		return err
	}
	if isLimbo(k.name) {
		if _, err := b.move(was, k); err != nil {
			return err
		}
		return b.astray(was, k)
	}
	if over != nil && gone == nil && over.Signature.Ino == old.Signature.Ino {
		return b.exchangedUnseen(was, over)
	}
	switch {
	case over != nil && over.Dir && was.Dir:
		if err := b.aside(over); err != nil {
			return err
		}
		over = nil
	case over != nil && over.Dir != was.Dir:
		if err := b.gone(over, 0); err != nil {
			return err
		}
		over = nil
	}
	b.dropWork(at(was))
	b.dropWork(k)
	if err := b.rename(was, k, over); err != nil {
		return err
	}
	if err := b.retake(k); err != nil || gone != nil {
		return err
	}
	return b.found(path)
}

// movedFrom is the entry that what is at k was, if it is not there any more: other names of the file are where they
// were.
func (b *batch) movedFrom(k key, st step.Stat) (was *journal.Applied, from string, err error) {
	var l []*journal.Applied
	err = b.Tx.ByInode(st.Signature.Dev, st.Signature.Ino, func(a *journal.Applied) error {
		if at(a) != k && kindOf(a) == st.Kind {
			l = append(l, a)
		}
		return nil
	})
	for _, a := range l {
		path, err := at(a).path(b.Tx)
		if err != nil {
			return nil, "", err
		}
		if there, err := b.f.disk.Stat(path); err != nil || there.Signature.Ino != st.Signature.Ino {
			return a, path, nil
		}
	}
	return nil, "", err
}

// kindOf is what kind of an entry the journal has on disk. The number of a file that is gone may be a symlink's by now.
func kindOf(a *journal.Applied) step.Kind {
	switch {
	case a.Dir:
		return step.Dir
	case a.Content != nil && a.Content.Symlink:
		return step.Symlink
	}
	return step.File
}

// retake has the contents taken of files that were moved while nobody looked: they may have been written as
// well.
func (b *batch) retake(keys ...key) error {
	for _, k := range keys {
		a, err := k.applied(b.Tx)
		if err != nil {
			return err
		}
		if a != nil && !a.Dir && !a.Content.Symlink {
			b.setWork(k, work{whole: true})
		}
	}
	return nil
}

// isInside tells whether k is in the directory a, as far as the journal knows.
func (b *batch) isInside(k key, a *journal.Applied) (bool, error) {
	for slot := k.dir; a.Dir && slot != 0; {
		if slot == a.Slot {
			return true, nil
		}
		up, err := b.Tx.AppliedSlot(slot)
		if err != nil || up == nil {
			return false, err
		}
		slot = up.Parent
	}
	return false, nil
}

// remove journals what a scan found to be missing, unless it is too much to be believed.
func (s *scanner) remove(ctx context.Context, missing []key) error {
	if len(missing) == 0 {
		return nil
	}
	var l []key
	files := 0
	err := s.f.journal.View(func(tx *journal.Tx) error {
		for _, k := range missing {
			a, err := k.applied(tx)
			if err != nil {
				return err
			}
			if a != nil {
				if err := below(tx, a, &l, &files); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	held := false
	err = s.f.do(ctx, func() error {
		held = s.f.brake.tooMuch(files, s.f.held.files-s.f.held.absent, "a scan found gone")
		return nil
	})
	if err != nil || held {
		return err
	}
	for part := range slices.Chunk(l, confirmed) {
		if err := s.f.do(ctx, func() error { return s.f.confirmGone(part) }); err != nil {
			return err
		}
	}
	return nil
}

// below adds a and all in it that was on disk, what is in a directory first.
func below(tx *journal.Tx, a *journal.Applied, l *[]key, files *int) error {
	if a.Absent {
		return nil
	}
	if a.Dir {
		err := tx.EachApplied(a.Slot, func(c *journal.Applied) error { return below(tx, c, l, files) })
		if err != nil {
			return err
		}
	} else {
		*files++
	}
	*l = append(*l, at(a))
	return nil
}

func (f *Folder) confirmGone(l []key) error {
	return f.disk.Freeze(func() error {
		if err := f.drain(); err != nil {
			return err
		}
		return f.inParts(len(l), func(b *batch, i int) error {
			a, err := l[i].applied(b.Tx)
			if err != nil || a == nil || a.Absent {
				return err
			}
			path, err := l[i].path(b.Tx)
			if err != nil {
				return err
			}
			if _, err := f.disk.Stat(path); !notExist(err) {
				return nil
			}
			return b.remove(a)
		})
	})
}
