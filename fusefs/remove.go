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
		l := link{parent, name}
		var st unix.Stat_t
		err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err == unix.ENOENT && kind == change.Unlink && v.unlinkAbsent(l) {
			return nil
		}
		if err != nil {
			return err
		}
		path := v.path(l)
		if kind == change.Rmdir && v.holdsAbsent(path) {
			return unix.ENOTEMPTY
		}
		if err := unix.Unlinkat(d.fd, name, flags); err != nil {
			return err
		}
		v.table.unlink(keyOf(&st), l, &st)
		v.record(change.Change{Kind: kind, Path: path, Local: local(st.Mode)})
		return nil
	})
}

// local says whether an entry of that mode is of a kind that is not replicated.
func local(mode uint32) bool {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFDIR, unix.S_IFLNK:
		return false
	}
	return true
}
