package disk

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"syncfs/journal/change"
	"syncfs/journal/item"
	"syncfs/journal/step"
)

// What programs do to files that they see and the disk has not, as a mount lets them. Each returns the content that went
// with it, if one did: that of the absent file, by its root.

// gone is a content that a program has taken away.
type gone struct {
	data []byte
	root item.Hash // of an absent file
}

// at is what a program sees at a path. names is held.
func (s *station) at(path string) (g gone, there, absent bool) {
	if st, err := os.Lstat(s.path(path)); err == nil {
		if st.Mode().IsRegular() {
			g.data, _ = os.ReadFile(s.path(path))
		}
		return g, true, false
	}
	if s.fake.absent == nil || !s.fake.absent(path) {
		return g, false, false
	}
	g.root, _, absent = s.folder.absentRoot(path)
	return g, absent, absent
}

func (s *station) holdsAbsent(dir string) bool {
	return s.fake.absent != nil && len(s.folder.AbsentIn(dir)) > 0
}

// unlinkSeen removes a file, here or not.
func (s *station) unlinkSeen(path string) (g gone, err error) {
	s.names.Lock()
	defer s.names.Unlock()
	g, _, absent := s.at(path)
	c := change.Change{Kind: change.Unlink, Path: path}
	if !absent {
		if st, err := s.fake.Stat(path); err == nil {
			c.Gone = st.Signature.Ino
		}
		if err := syscall.Unlink(s.path(path)); err != nil {
			return g, err
		}
	}
	s.note(c)
	return g, nil
}

// writeSeen writes a file that is here, or a new one.
func (s *station) writeSeen(path, data string) (g gone, err error) {
	s.names.Lock()
	defer s.names.Unlock()
	g, there, absent := s.at(path)
	if st, err := s.fake.Stat(path); absent || err == nil && st.Kind != step.File {
		return g, syscall.EEXIST
	}
	s.log("program: write %q to %q (%v)", data, path, hashOf(data).String()[:8])
	if err := os.WriteFile(s.path(path), []byte(data), 0o644); err != nil {
		return g, err
	}
	if !there {
		s.note(change.Change{Kind: change.Create, Path: path})
	}
	s.note(change.Change{Kind: change.Dirty, Path: path})
	s.note(change.Change{Kind: change.Settled, Path: path, Whole: true})
	return g, nil
}

// rmdirSeen removes a directory in which a program sees nothing.
func (s *station) rmdirSeen(path string) error {
	s.names.Lock()
	defer s.names.Unlock()
	if s.holdsAbsent(path) {
		return syscall.ENOTEMPTY
	}
	st, _ := s.fake.Stat(path)
	if err := syscall.Rmdir(s.path(path)); err != nil {
		return err
	}
	s.note(change.Change{Kind: change.Rmdir, Path: path, Gone: st.Signature.Ino})
	return nil
}

// renameSeen renames a file, here or not, or a directory.
func (s *station) renameSeen(from, to string) (g gone, err error) {
	s.names.Lock()
	defer s.names.Unlock()
	_, there, absent := s.at(from)
	g, over, overAbsent := s.at(to)
	st, serr := s.fake.Stat(to)
	isDir := serr == nil && st.Kind == step.Dir
	switch {
	case !there:
		return g, syscall.ENOENT
	case isDir && (absent || s.holdsAbsent(to)):
		return g, syscall.EISDIR
	case !absent:
		if a, err := s.fake.Stat(from); err != nil || overAbsent && a.Kind == step.Dir {
			return g, syscall.ENOTDIR
		}
		if err := syscall.Rename(s.path(from), s.path(to)); err != nil {
			return g, err
		}
	case over && !overAbsent:
		if err := syscall.Unlink(s.path(to)); err != nil {
			return g, err
		}
	default:
		if _, err := os.Lstat(s.path(dirOf(to))); err != nil {
			return g, err
		}
	}
	c := change.Change{Kind: change.Rename, Path: from, To: to}
	if serr == nil && !absent {
		c.Gone = st.Signature.Ino
	}
	s.note(c)
	return g, nil
}

// exchangeSeen has two files, here or not, or directories change places.
func (s *station) exchangeSeen(a, b string) error {
	s.names.Lock()
	defer s.names.Unlock()
	_, haveA, absentA := s.at(a)
	_, haveB, absentB := s.at(b)
	if !haveA || !haveB {
		return syscall.ENOENT
	}
	if absentA {
		a, b, absentA, absentB = b, a, absentB, absentA
	}
	var err error
	switch {
	case !absentB:
		err = unix.Renameat2(unix.AT_FDCWD, s.path(a), unix.AT_FDCWD, s.path(b), unix.RENAME_EXCHANGE)
	case !absentA:
		err = unix.Renameat2(unix.AT_FDCWD, s.path(a), unix.AT_FDCWD, s.path(b), unix.RENAME_NOREPLACE)
	}
	if err == nil {
		s.note(change.Change{Kind: change.Exchange, Path: a, To: b})
	}
	return err
}

// setSeen sets attributes of a file, here or not, or of a directory.
func (s *station) setSeen(path string, set step.Attr) error {
	s.names.Lock()
	defer s.names.Unlock()
	switch _, there, absent := s.at(path); {
	case !there:
		return syscall.ENOENT
	case absent:
		s.log("program: sets %+v of %q, which is absent", set, path)
		s.folder.SetAbsent(path, set)
		s.order.Store(s.folder.queue.last())
		return nil
	}
	if st, err := s.fake.Stat(path); err != nil || st.Kind == step.Symlink {
		return errors.Join(err, syscall.ELOOP)
	}
	if err := setAttr(s.path(path), set); err != nil {
		return err
	}
	s.note(change.Change{Kind: change.Attr, Path: path})
	return nil
}
