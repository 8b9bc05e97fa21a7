package fusefs

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"syncfs/journal/step"
)

// fillAttr is what stat(2) is to say of n.
func fillAttr(a *fuse.Attr, n *node, st *unix.Stat_t) {
	*a = fuse.Attr{
		Ino:       n.ino,
		Size:      uint64(st.Size),
		Blocks:    uint64(st.Blocks),
		Atime:     uint64(st.Atim.Sec),
		Mtime:     uint64(st.Mtim.Sec),
		Ctime:     uint64(st.Ctim.Sec),
		Atimensec: uint32(st.Atim.Nsec),
		Mtimensec: uint32(st.Mtim.Nsec),
		Ctimensec: uint32(st.Ctim.Nsec),
		Mode:      st.Mode,
		Nlink:     uint32(st.Nlink),
		Owner:     fuse.Owner{Uid: st.Uid, Gid: st.Gid},
		Rdev:      uint32(st.Rdev),
		Blksize:   uint32(st.Blksize),
	}
}

// absentStat is the stat of a file that is not there. It is the folder's owner's.
func (v *volume) absentStat(s step.Stat) unix.Stat_t {
	t := unix.NsecToTimespec(s.Signature.MTime)
	return unix.Stat_t{
		Mode:  unix.S_IFREG | s.Mode,
		Nlink: 1,
		Uid:   v.owner.Uid,
		Gid:   v.owner.Gid,
		Size:  s.Signature.Size,
		Mtim:  t,
		Atim:  t,
		Ctim:  t,
	}
}

// GetAttr is stat(2) of what the kernel has not or no longer cached.
func (v *volume) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	n := v.table.get(in.NodeId)
	if n == nil {
		return fuse.Status(unix.ESTALE)
	}
	v.names.RLock()
	defer v.names.RUnlock()
	st, err := v.stat(n)
	if err != nil {
		return status(err)
	}
	fillAttr(&out.Attr, n, &st)
	out.SetTimeout(v.attrFor(n))
	return fuse.OK
}

// stat finds a node by an open handle, else by name, else answers what is known of one whose name is gone.
func (v *volume) stat(n *node) (unix.Stat_t, error) {
	var st unix.Stat_t
	if n.hidden {
		err := unix.Fstat(v.folder.Staging(), &st)
		return st, err
	}
	if done, err := v.withHandle(n, func(fd int) error { return unix.Fstat(fd, &st) }); done {
		return st, err
	}
	if v.isAbsent(n) {
		if p, ok := v.pathOf(n); ok {
			if s, ok := v.absent.AbsentFile(p); ok {
				return v.absentStat(s), nil
			}
		}
	}
	err := v.find(n, func(_ *dir, _ string, found *unix.Stat_t) error {
		st = *found
		return nil
	})
	if fd := v.table.orphan(n); err == unix.ESTALE && fd != 0 {
		err = unix.Fstat(fd, &st)
	}
	return st, err
}

// SetAttr is chmod, chown, utimens and truncate.
func (v *volume) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	n := v.table.get(in.NodeId)
	if n == nil {
		return fuse.Status(unix.ESTALE)
	}
	own := v.own(&in.InHeader)
	if v.isAbsent(n) {
		if done, err := v.setAbsent(n, in, out); done {
			return status(err)
		}
	}
	v.names.RLock()
	defer v.names.RUnlock()
	if in.Valid&fuse.FATTR_SIZE != 0 {
		if err := v.truncate(n, in); err != nil {
			return status(err)
		}
	}
	var st unix.Stat_t
	same := false
	err := v.change(n, own, func(fd int, f *file) (err error) {
		if same = f.late(in); same {
			return unix.Fstat(fd, &st)
		}
		if same, err = hasMTime(fd, in); err == nil && !same {
			err = v.setAttr(fd, f != nil, in)
		}
		if err == nil {
			err = unix.Fstat(fd, &st)
		}
		if err == nil && f != nil && v.writeback && in.Valid&fuse.FATTR_MTIME != 0 {
			f.mtime = &unix.Timespec{Sec: st.Mtim.Sec, Nsec: st.Mtim.Nsec}
		}
		return err
	})
	if err != nil {
		return status(err)
	}
	if !own && !same && v.worthTelling(n, in) {
		v.recordAttr(n)
	}
	fillAttr(&out.Attr, n, &st)
	out.SetTimeout(v.attrFor(n))
	return fuse.OK
}

// change calls fn with a descriptor of n: that of an open handle of f, or one made for the purpose, O_PATH. The file is
// locked, as far as it is one: where the kernel keeps the times it tells them by several threads.
func (v *volume) change(n *node, own bool, fn func(fd int, f *file) error) error {
	if own {
		if err := v.checkStep(n); err != nil {
			return err
		}
	}
	if f := v.lockFile(n, v.writeback && n.kind == unix.S_IFREG); f != nil {
		defer v.unlockFile(f)
		if len(f.handles) > 0 {
			return fn(f.handles[0].fd, f)
		}
	}
	if fd := v.table.orphan(n); fd != 0 {
		return fn(fd, nil)
	}
	return v.find(n, func(d *dir, name string, _ *unix.Stat_t) error {
		fd, err := unix.Openat(d.fd, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return fn(fd, nil)
	})
}

func (v *volume) setAttr(fd int, real bool, in *fuse.SetAttrIn) error {
	const no = fuse.FATTR_FH | fuse.FATTR_LOCKOWNER | fuse.FATTR_KILL_SUIDGID | fuse.FATTR_CTIME
	if in.Valid&^no == 0 {
		return v.dropPriv(&in.InHeader, fd, real)
	}
	uid, setUID := in.GetUID()
	gid, setGID := in.GetGID()
	if setUID || setGID {
		u, g := -1, -1
		if setUID {
			u = int(uid)
		}
		if setGID {
			g = int(gid)
		}
		if err := unix.Fchownat(fd, "", u, g, unix.AT_EMPTY_PATH); err != nil {
			return err
		}
	}
	if mode, ok := in.GetMode(); ok {
		if err := chmod(fd, real, mode); err != nil {
			return err
		}
	}
	if in.Valid&(fuse.FATTR_ATIME|fuse.FATTR_MTIME) == 0 {
		return nil
	}
	now := uint32(fuse.FATTR_ATIME_NOW)
	if v.writeback && in.Valid&fuse.FATTR_MTIME != 0 {
		now = 0 // the kernel took both from its own clock
	}
	ts := []unix.Timespec{
		timespec(in.Valid, fuse.FATTR_ATIME, now, in.Atime, in.Atimensec),
		timespec(in.Valid, fuse.FATTR_MTIME, fuse.FATTR_MTIME_NOW, in.Mtime, in.Mtimensec),
	}
	return unix.UtimesNanoAt(fd, "", ts, unix.AT_EMPTY_PATH)
}

func timespec(valid, set, now uint32, sec uint64, nsec uint32) unix.Timespec {
	switch {
	case valid&set == 0:
		return unix.Timespec{Nsec: unix.UTIME_OMIT}
	case valid&now != 0:
		return unix.Timespec{Nsec: unix.UTIME_NOW}
	}
	return unix.Timespec{Sec: int64(sec), Nsec: int64(nsec)}
}

// worthTelling: a new mtime that comes while the file is written is in the snapshot taken after it. The
// kernel itself sends such, when it wrote back what it kept.
func (v *volume) worthTelling(n *node, in *fuse.SetAttrIn) bool {
	const told = fuse.FATTR_MODE | fuse.FATTR_UID | fuse.FATTR_GID | fuse.FATTR_MTIME
	set := in.Valid & told
	return set != 0 && !(set == fuse.FATTR_MTIME && v.isDirty(n))
}

// StatFs is statfs(2) of the filesystem underneath.
func (v *volume) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	var st unix.Statfs_t
	if err := unix.Fstatfs(v.folder.Root(), &st); err != nil {
		return status(err)
	}
	*out = fuse.StatfsOut{
		Blocks:  st.Blocks,
		Bfree:   st.Bfree,
		Bavail:  st.Bavail,
		Files:   st.Files,
		Ffree:   st.Ffree,
		Bsize:   uint32(st.Bsize),
		NameLen: uint32(st.Namelen),
		Frsize:  uint32(st.Frsize),
	}
	return fuse.OK
}

// Access is never asked with default_permissions, and the kernel has checked then.
func (v *volume) Access(<-chan struct{}, *fuse.AccessIn) fuse.Status { return fuse.ENOSYS }
