package fusefs

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// tellsTimes says whether a request is as one in which a kernel that writes back tells the times of a file. It does so
// whenever it thinks of it.
func tellsTimes(in *fuse.SetAttrIn) bool {
	return in.Valid&^(fuse.FATTR_FH|fuse.FATTR_LOCKOWNER) == fuse.FATTR_MTIME|fuse.FATTR_CTIME
}

// hasMTime says whether all that is asked for is the mtime that a file has: a new ctime would look like a change.
func hasMTime(fd int, in *fuse.SetAttrIn) (bool, error) {
	if !tellsTimes(in) {
		return false, nil
	}
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return st.Mtim == unix.Timespec{Sec: int64(in.Mtime), Nsec: int64(in.Mtimensec)}, err
}

// late says whether the kernel has told later times of an open file by now: it tells them by one thread when it has
// written back what was written before, while another truncates the file. They are not told again. mu is held.
func (f *file) late(in *fuse.SetAttrIn) bool {
	if f == nil || in.Valid&fuse.FATTR_CTIME == 0 {
		return false
	}
	ctime := unix.Timespec{Sec: int64(in.Ctime), Nsec: int64(in.Ctimensec)}
	if tellsTimes(in) && in.Valid&fuse.FATTR_FH != 0 && ctime.Nano() < f.told {
		return true
	}
	f.told = ctime.Nano()
	return false
}

// keepTime gives a dirty file the mtime that the kernel has of it, where the kernel keeps the times: it
// tells them when it has written all back, if they are not what it was told before. Ours of the write
// would be taken for a change when it tells them again.
func (f *file) keepTime(fd int) {
	if f.mtime == nil || !f.dirty {
		return
	}
	if now := mtimeOf(fd); now == nil || *now == *f.mtime {
		return
	}
	unix.UtimesNanoAt(fd, "", []unix.Timespec{{Nsec: unix.UTIME_OMIT}, *f.mtime}, unix.AT_EMPTY_PATH)
}

// mtimeOf is the mtime of what is open, nil if it can't be told.
func mtimeOf(fd int) *unix.Timespec {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return nil
	}
	return &st.Mtim
}
