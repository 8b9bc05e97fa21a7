package fusefs

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"syncfs/journal/change"
)

// Rename moves a name, replaces what is there, or exchanges two.
func (v *volume) Rename(_ <-chan struct{}, in *fuse.RenameIn, oldName, newName string) fuse.Status {
	if v.own(&in.InHeader) {
		return v.stepRename(in, oldName, newName)
	}
	v.names.Lock()
	defer v.names.Unlock()
	return v.inDir(in.NodeId, func(op *node, od *dir) error {
		return unixError(v.inDir(in.Newdir, func(np *node, nd *dir) error {
			if v.reserved(op, oldName) {
				return unix.ENOENT
			}
			if v.reserved(np, newName) {
				return unix.EPERM
			}
			return v.rename(&in.InHeader, spot{od, link{op, oldName}}, spot{nd, link{np, newName}}, uint(in.Flags))
		}))
	})
}

// A spot is a name in an open directory.
type spot struct {
	d *dir
	l link
}

func (s spot) stat(st *unix.Stat_t) error {
	return unix.Fstatat(s.d.fd, s.l.name, st, unix.AT_SYMLINK_NOFOLLOW)
}

func (v *volume) rename(h *fuse.InHeader, from, to spot, flags uint) error {
	var a, b unix.Stat_t
	errA, errB := from.stat(&a), to.stat(&b)
	if errA != nil && errA != unix.ENOENT || errB != nil && errB != unix.ENOENT {
		if errA != nil {
			return errA
		}
		return errB
	}
	if v.absent != nil {
		if done, err := v.renameAbsent(from, to, errA == nil, errB == nil, flags); done {
			return err
		}
	}
	if errA == nil && errB == nil && keyOf(&a) == keyOf(&b) {
		return nil // two names of one file: POSIX leaves both
	}
	oldPath, newPath := v.path(from.l), v.path(to.l)
	if errB == nil && b.Mode&unix.S_IFMT == unix.S_IFDIR && flags&unix.RENAME_EXCHANGE == 0 && v.holdsAbsent(newPath) {
		return unix.ENOTEMPTY
	}
	orphan := 0
	if errB == nil && flags&unix.RENAME_EXCHANGE == 0 {
		orphan = v.adopt(to.d.fd, to.l.name, &b)
	}
	if err := unix.Renameat2(from.d.fd, from.l.name, to.d.fd, to.l.name, flags); err != nil {
		closeOrphan(orphan)
		return err
	}
	c := change.Change{Kind: change.Rename, Path: oldPath, To: newPath, Local: local(a.Mode)}
	if flags&unix.RENAME_EXCHANGE != 0 {
		c.Kind = change.Exchange
		v.table.moved(keyOf(&a), from.l, to.l)
		v.table.moved(keyOf(&b), to.l, from.l)
	} else {
		if errB == nil {
			c.Gone = b.Ino
			v.table.unlink(keyOf(&b), to.l, uint64(b.Nlink), orphan)
		} else if n := v.table.named(to.l); n != nil {
			v.table.unlink(n.key, to.l, 1, 0)
		}
		v.table.moved(keyOf(&a), from.l, to.l)
	}
	v.record(c)
	if flags&unix.RENAME_WHITEOUT != 0 {
		if err := v.giveWhiteout(h, from); err != nil {
			v.log.Warn("whiteout", "path", oldPath, "err", err)
		}
		v.record(change.Change{Kind: change.Create, Path: oldPath, Local: true})
	}
	return nil
}

// giveWhiteout makes the caller the owner of what its rename left behind.
func (v *volume) giveWhiteout(h *fuse.InHeader, left spot) error {
	var st unix.Stat_t
	if err := left.stat(&st); err != nil {
		return err
	}
	return v.giveNamed(h, left.d, left.l.name, &st)
}
