package fusefs

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"syncfs/fusefs/backing"
	"syncfs/journal/change"
	"syncfs/journal/step"
)

// make makes an entry by calling fn, gives it to the caller and reports it.
func (v *volume) make(h *fuse.InHeader, name string, c change.Change, out *fuse.EntryOut,
	fn func(d *dir) error) fuse.Status {
	v.names.RLock()
	defer v.names.RUnlock()
	return v.inDir(h.NodeId, func(parent *node, d *dir) error {
		if v.reserved(parent, name) {
			return unix.EPERM
		}
		if err := fn(d); err != nil {
			return err
		}
		var st unix.Stat_t
		err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err == nil {
			err = v.giveNamed(h, d, name, &st)
		}
		if err != nil {
			v.unmake(d, name, c.Kind)
			return err
		}
		l := link{parent, name}
		c.Path = v.path(l)
		c.Made = made(name, &st)
		v.record(c)
		n := v.answer(l, &st, out)
		if c.Kind == change.Create && !c.Local {
			v.overwritten(n, false)
		}
		return nil
	})
}

// made is what is told of what was made.
func made(name string, st *unix.Stat_t) *step.Stat {
	if local(st.Mode) {
		return nil
	}
	s := backing.Stat(name, st)
	return &s
}

// unmake takes back what could not be given to its owner.
func (v *volume) unmake(d *dir, name string, kind change.Kind) {
	flags := 0
	if kind == change.Mkdir {
		flags = unix.AT_REMOVEDIR
	}
	unix.Unlinkat(d.fd, name, flags)
}

// Mkdir makes a directory.
func (v *volume) Mkdir(_ <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	return v.make(&in.InHeader, name, change.Change{Kind: change.Mkdir}, out, func(d *dir) error {
		return unix.Mkdirat(d.fd, name, v.modeFor(d, in.Mode, in.Umask)&0o7777)
	})
}

// Symlink makes a symlink.
func (v *volume) Symlink(_ <-chan struct{}, h *fuse.InHeader, target, name string, out *fuse.EntryOut) fuse.Status {
	return v.make(h, name, change.Change{Kind: change.Symlink, Target: target}, out, func(d *dir) error {
		return unix.Symlinkat(target, d.fd, name)
	})
}

// Mknod makes a file, or a fifo, socket or device, which stays on this machine.
func (v *volume) Mknod(_ <-chan struct{}, in *fuse.MknodIn, name string, out *fuse.EntryOut) fuse.Status {
	kind := in.Mode & unix.S_IFMT
	c := change.Change{Kind: change.Create, Local: kind != unix.S_IFREG && kind != 0}
	return v.make(&in.InHeader, name, c, out, func(d *dir) error {
		return unix.Mknodat(d.fd, name, v.modeFor(d, in.Mode, in.Umask), int(in.Rdev))
	})
}

// Create makes and opens a file.
func (v *volume) Create(_ <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	var fd int
	flags := int(in.Flags)&openFlags | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
	flags &^= unix.O_NOATIME
	if v.writeback && flags&unix.O_ACCMODE == unix.O_WRONLY {
		flags = flags&^unix.O_ACCMODE | unix.O_RDWR
	}
	v.names.RLock()
	defer v.names.RUnlock()
	return v.inDir(in.NodeId, func(parent *node, d *dir) (err error) {
		if v.reserved(parent, name) {
			return unix.EPERM
		}
		mode := v.modeFor(d, in.Mode, in.Umask)
		if fd, err = unix.Openat(d.fd, name, flags, mode&0o7777); err != nil {
			if err == unix.EEXIST && in.Flags&unix.O_EXCL == 0 {
				// It was made behind our back since the kernel looked: let it look again.
				err = unix.ESTALE
			}
			return err
		}
		if err := v.spare(fd); err != nil {
			v.unmake(d, name, change.Create)
			return err
		}
		var st unix.Stat_t
		if err = unix.Fstat(fd, &st); err == nil {
			err = v.giveTo(&in.InHeader, d, fd, true, &st)
		}
		if err != nil {
			unix.Close(fd)
			v.unmake(d, name, change.Create)
			return err
		}
		l := link{parent, name}
		v.record(change.Change{Kind: change.Create, Path: v.path(l), Made: made(name, &st)})
		v.created(v.answer(l, &st, &out.EntryOut), fd, in, &st, out)
		return nil
	})
}

func (v *volume) created(n *node, fd int, in *fuse.CreateIn, st *unix.Stat_t, out *fuse.CreateOut) {
	h := newHandle(fd, in.Flags)
	st.Mode &^= unix.S_ISUID | unix.S_ISGID
	v.opened(n, h, st, &out.OpenOut)
	if h.pass && h.read && h.write {
		out.SetAttrTimeout(0)
	}
	v.overwritten(n, false)
}

// Tmpfile makes a file without a name. It is reported if Link gives it one.
func (v *volume) Tmpfile(_ <-chan struct{}, in *fuse.CreateIn, out *fuse.CreateOut) fuse.Status {
	v.names.RLock()
	defer v.names.RUnlock()
	return v.inDir(in.NodeId, func(_ *node, d *dir) error {
		flags := int(in.Flags)&(unix.O_EXCL|unix.O_SYNC|unix.O_DSYNC) | unix.O_TMPFILE | unix.O_RDWR | unix.O_CLOEXEC
		fd, err := unix.Openat(d.fd, ".", flags, v.modeFor(d, in.Mode, in.Umask)&0o7777)
		if err == nil {
			err = v.spare(fd)
		}
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err = unix.Fstat(fd, &st); err == nil {
			err = v.giveTo(&in.InHeader, d, fd, true, &st)
		}
		if err != nil {
			unix.Close(fd)
			return err
		}
		k := keyOf(&st)
		n := v.table.enter(k, v.ino(k), unix.S_IFREG, link{}, false)
		out.NodeId = n.id
		fillAttr(&out.Attr, n, &st)
		out.SetAttrTimeout(cacheFor)
		v.created(n, fd, in, &st, out)
		return nil
	})
}

// Link makes a further name of a file, or the first of one that Tmpfile made. A file whose content is not here is
// fetched first.
func (v *volume) Link(_ <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	n := v.table.get(in.Oldnodeid)
	if n == nil {
		return fuse.Status(unix.ESTALE)
	}
	if v.isAbsent(n) {
		return status(v.later(&in.InHeader, n))
	}
	v.names.RLock()
	defer v.names.RUnlock()
	return v.inDir(in.NodeId, func(parent *node, d *dir) error {
		if v.reserved(parent, name) {
			return unix.EPERM
		}
		old, named := v.pathOf(n)
		if err := v.linkTo(n, named, d, name); err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
		l := link{parent, name}
		if named {
			// By its new name nothing is reported of the file before this is.
			c := change.Change{Kind: change.Link, Path: old, To: v.path(l), Local: local(st.Mode), Made: made(name, &st)}
			if st.Mode&unix.S_IFMT == unix.S_IFLNK {
				c.Target, _ = backing.Readlinkat(d.fd, name)
			}
			v.record(c)
			v.answer(l, &st, out)
			return nil
		}
		v.answer(l, &st, out)
		v.record(change.Change{Kind: change.Create, Path: v.path(l), Made: made(name, &st)})
		v.overwritten(n, false)
		return nil
	})
}

func (v *volume) linkTo(n *node, named bool, d *dir, name string) error {
	if named {
		return v.find(n, func(od *dir, oldName string, _ *unix.Stat_t) error {
			return unix.Linkat(od.fd, oldName, d.fd, name, 0)
		})
	}
	done, err := v.withHandle(n, func(fd int) error {
		return unix.Linkat(unix.AT_FDCWD, backing.Self(fd), d.fd, name, unix.AT_SYMLINK_FOLLOW)
	})
	if !done {
		return unix.ENOENT
	}
	return err
}
