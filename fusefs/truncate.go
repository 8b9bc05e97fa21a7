package fusefs

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"syncfs/fusefs/backing"
)

// truncate is ftruncate(2) by the handle that the request names, or truncate(2). No time is told of the file meanwhile: its
// lock is held. names is held.
func (v *volume) truncate(n *node, in *fuse.SetAttrIn) error {
	f := v.lockFile(n, true)
	defer v.unlockFile(f)
	cut := func(fd int) error {
		if in.Valid&fuse.FATTR_KILL_SUIDGID != 0 {
			if err := v.killPriv(&in.InHeader, fd, true); err != nil {
				return err
			}
		}
		return v.cut(fd, in)
	}
	err := v.truncateBy(n, in, cut)
	if err == nil {
		v.written(f, true)
	}
	return err
}

// cut gives a file the size asked for. A kernel that keeps the times tells that of a file with a new size. Where it does
// not the file has that size already, and the kernel goes on with the time it has, of which it does not tell again: so
// does the file, if it is ours to set.
func (v *volume) cut(fd int, in *fuse.SetAttrIn) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	err := unix.Ftruncate(fd, int64(in.Size))
	if err == nil && v.writeback && in.Valid&fuse.FATTR_MTIME == 0 {
		unix.UtimesNanoAt(fd, "", []unix.Timespec{{Nsec: unix.UTIME_OMIT}, st.Mtim}, unix.AT_EMPTY_PATH)
	}
	return err
}

func (v *volume) truncateBy(n *node, in *fuse.SetAttrIn, cut func(fd int) error) error {
	if fh, ok := in.GetFh(); ok {
		if h := v.files.get(fh); h != nil && h.write {
			return cut(h.fd)
		}
	}
	cutAt := func(d int, name string, flags int) error {
		fd, err := open(d, name, unix.O_WRONLY|unix.O_CLOEXEC|flags)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return cut(fd)
	}
	if fd := v.table.orphan(n); fd != 0 {
		return cutAt(unix.AT_FDCWD, backing.Self(fd), 0)
	}
	return v.find(n, func(d *dir, name string, _ *unix.Stat_t) error { return cutAt(d.fd, name, unix.O_NOFOLLOW) })
}
