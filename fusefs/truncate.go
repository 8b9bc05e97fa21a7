package fusefs

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// truncate is ftruncate(2) by the handle that the request names, or truncate(2). names is held.
func (v *volume) truncate(n *node, in *fuse.SetAttrIn) error {
	cut := func(fd int) error {
		if in.Valid&fuse.FATTR_KILL_SUIDGID != 0 {
			if err := v.killPriv(fd); err != nil {
				return err
			}
		}
		return unix.Ftruncate(fd, int64(in.Size))
	}
	err := v.truncateBy(n, in, cut)
	if err == nil {
		v.overwritten(n, true)
	}
	return err
}

func (v *volume) truncateBy(n *node, in *fuse.SetAttrIn, cut func(fd int) error) error {
	if fh, ok := in.GetFh(); ok {
		if h := v.files.get(fh); h != nil && h.write {
			return cut(h.fd)
		}
	}
	return v.find(n, func(d *dir, name string, _ *unix.Stat_t) error {
		fd, err := open(d.fd, name, unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return cut(fd)
	})
}
