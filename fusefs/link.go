package fusefs

import (
	"io/fs"

	"golang.org/x/sys/unix"

	"syncfs/fusefs/backing"
	"syncfs/journal/signature"
	"syncfs/journal/step"
)

// Link makes the file at from an entry of staging as well, to be placed as a further name of it. Nobody sees that but
// by the number of its links.
func (m *Mounted) Link(from, staged string, sig signature.Signature) error {
	m.steps.Lock()
	defer m.steps.Unlock()
	err := m.bringWrites(from)
	if err == nil {
		err = m.linkStaged(from, staged, sig)
	}
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: "link", Path: from, Err: err}
}

func (m *Mounted) linkStaged(from, staged string, sig signature.Signature) error {
	m.v.names.Lock()
	defer m.v.names.Unlock()
	t, _, err := m.aim(&doing{sig: sig}, from)
	if err != nil {
		return err
	}
	return m.v.whileStill(t.At, func(*unix.Stat_t, *file) error { return m.v.folder.LinkAt(t.At, staged, sig) })
}

// linkedTo returns the file that what is staged is a further name of, as the kernel knows it; nil if it is of none.
func (v *volume) linkedTo(staged *unix.Stat_t) *node {
	if staged == nil || staged.Nlink < 2 {
		return nil
	}
	return v.table.known(keyOf(staged))
}

// whileLinked calls fn, which places a further name of a file that the kernel knows, unless that is being written. n is
// nil for what is no further name.
func (v *volume) whileLinked(n *node, staged string, to backing.At, fn func() error) error {
	if n == nil {
		return fn()
	}
	var st unix.Stat_t
	if unix.Fstatat(to.Dir, to.Name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && keyOf(&st) == n.key {
		return step.ErrChanged // it is that already
	}
	return v.whileStill(backing.At{Dir: v.folder.Staging(), Name: staged}, func(*unix.Stat_t, *file) error { return fn() })
}
