package fusefs

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"syncfs/journal/change"
)

// Unlink removes a name.
func (v *volume) Unlink(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	if v.own(h) {
		return v.stepRemove(h.NodeId, name)
	}
	return v.remove(h, name, 0, change.Unlink)
}

// Rmdir removes an empty directory.
func (v *volume) Rmdir(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	if v.own(h) {
		return v.stepRemove(h.NodeId, name)
	}
	return v.remove(h, name, unix.AT_REMOVEDIR, change.Rmdir)
}

func (v *volume) remove(h *fuse.InHeader, name string, flags int, kind change.Kind) fuse.Status {
	v.names.RLock()
	defer v.names.RUnlock()
	return v.inDir(h.NodeId, func(parent *node, d *dir) error {
		if v.reserved(parent, name) {
			return unix.ENOENT
		}
		s := spot{d, link{parent, name}}
		path := v.path(s.l)
		if kind == change.Rmdir && v.holdsAbsent(path) {
			return unix.ENOTEMPTY
		}
		err := v.unlink(s, flags, func(st *unix.Stat_t) {
			v.record(change.Change{Kind: kind, Path: path, Local: local(st.Mode), Gone: st.Ino})
		})
		if err == unix.ENOENT && kind == change.Unlink && v.unlinkAbsent(s.l) {
			return nil
		}
		return err
	})
}

// unlink removes a name and has it reported, with the stat of what it was of. What is written to a file is reported
// by its names, so no write is while one goes: the file's lock is held.
func (v *volume) unlink(s spot, flags int, report func(*unix.Stat_t)) error {
	var st unix.Stat_t
	if err := s.stat(&st); err != nil {
		return err
	}
	if n := v.table.known(keyOf(&st)); n != nil {
		f := v.lockFile(n, true)
		defer v.unlockFile(f)
	}
	orphan := v.adopt(s.d.fd, s.l.name, &st)
	if err := unix.Unlinkat(s.d.fd, s.l.name, flags); err != nil {
		closeOrphan(orphan)
		return err
	}
	v.table.unlink(keyOf(&st), s.l, uint64(st.Nlink), orphan)
	report(&st)
	return nil
}

// adopt opens what is about to lose its name, so that those who have it open or are about to open it find
// it still. The kernel forgets it soon, if nobody has.
func (v *volume) adopt(dir int, name string, st *unix.Stat_t) int {
	if v.table.known(keyOf(st)) == nil {
		return 0
	}
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil || v.spare(fd) != nil {
		return 0
	}
	return fd
}

// local says whether an entry of that mode is of a kind that is not replicated.
func local(mode uint32) bool {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFDIR, unix.S_IFLNK:
		return false
	}
	return true
}
