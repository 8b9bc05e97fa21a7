package fusefs

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"syncfs/fusefs/backing"
	"syncfs/journal/change"
)

const (
	accessACL  = "system.posix_acl_access"
	defaultACL = "system.posix_acl_default"
)

// maxXAttrs is as long as a list of attributes can be.
const maxXAttrs = 1 << 16

// GetXAttr reads one attribute.
func (v *volume) GetXAttr(_ <-chan struct{}, h *fuse.InHeader, name string, dest []byte) (uint32, fuse.Status) {
	return v.readXAttr(h,
		func(fd int) (int, error) { return unix.Fgetxattr(fd, name, dest) },
		func(path string) (int, error) { return unix.Lgetxattr(path, name, dest) },
		func(all map[string]string) ([]byte, error) {
			value, ok := all[name]
			if !ok {
				return nil, unix.ENODATA
			}
			return []byte(value), nil
		}, dest)
}

// ListXAttr reads the names of all attributes.
func (v *volume) ListXAttr(_ <-chan struct{}, h *fuse.InHeader, dest []byte) (uint32, fuse.Status) {
	if !v.privil || h.Uid == 0 {
		return v.listXAttr(h, dest)
	}
	// Trusted attributes are shown to root alone: all is read to leave them out.
	all := make([]byte, maxXAttrs)
	size, st := v.listXAttr(h, all)
	if st != fuse.OK {
		return 0, st
	}
	var names []byte
	for _, name := range bytes.SplitAfter(all[:size], []byte{0}) {
		if !bytes.HasPrefix(name, []byte("trusted.")) {
			names = append(names, name...)
		}
	}
	if len(dest) > 0 && copy(dest, names) < len(names) {
		return 0, fuse.ERANGE
	}
	return uint32(len(names)), fuse.OK
}

func (v *volume) listXAttr(h *fuse.InHeader, dest []byte) (uint32, fuse.Status) {
	return v.readXAttr(h,
		func(fd int) (int, error) { return unix.Flistxattr(fd, dest) },
		func(path string) (int, error) { return unix.Llistxattr(path, dest) },
		func(all map[string]string) (names []byte, _ error) {
			for _, name := range slices.Sorted(maps.Keys(all)) {
				names = append(append(names, name...), 0)
			}
			return names, nil
		}, dest)
}

// readXAttr fills dest with attributes of a file that is here, or with what absent makes of those of one that is not.
func (v *volume) readXAttr(h *fuse.InHeader, byFd func(int) (int, error), byPath func(string) (int, error),
	absent func(map[string]string) ([]byte, error), dest []byte) (uint32, fuse.Status) {
	v.names.RLock()
	defer v.names.RUnlock()
	n := v.table.get(h.NodeId)
	if n == nil {
		return 0, fuse.Status(unix.ESTALE)
	}
	if v.isAbsent(n) {
		path, _ := v.pathOf(n)
		b, err := absent(v.absent.AbsentXAttrs(path))
		if err == nil && len(dest) > 0 && copy(dest, b) < len(b) {
			err = unix.ERANGE
		}
		return uint32(len(b)), status(err)
	}
	var size int
	err := v.xattrs(n, func(fd int) (err error) {
		size, err = byFd(fd)
		return err
	}, func(path string) (err error) {
		size, err = byPath(path)
		return err
	})
	return uint32(size), status(err)
}

// SetXAttr sets one attribute.
func (v *volume) SetXAttr(_ <-chan struct{}, in *fuse.SetXAttrIn, name string, data []byte) fuse.Status {
	killSGID := v.privil && in.SetXAttrFlags&fuse.SETXATTR_ACL_KILL_SGID != 0
	set := func(was *string) (*string, error) {
		switch {
		case in.Flags&unix.XATTR_CREATE != 0 && was != nil:
			return nil, unix.EEXIST
		case in.Flags&unix.XATTR_REPLACE != 0 && was == nil:
			return nil, unix.ENODATA
		}
		value := string(data)
		return &value, nil
	}
	return v.writeXAttr(&in.InHeader, name, set, func(fd int) error {
		err := unix.Fsetxattr(fd, name, data, int(in.Flags))
		if err == nil && killSGID {
			err = dropSGID(backing.Self(fd))
		}
		return err
	}, func(path string) error {
		err := unix.Lsetxattr(path, name, data, int(in.Flags))
		if err == nil && killSGID {
			err = dropSGID(path)
		}
		return err
	})
}

// RemoveXAttr removes one attribute.
func (v *volume) RemoveXAttr(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	remove := func(was *string) (*string, error) {
		if was == nil {
			return nil, unix.ENODATA
		}
		return nil, nil
	}
	return v.writeXAttr(h, name, remove,
		func(fd int) error { return unix.Fremovexattr(fd, name) },
		func(path string) error { return unix.Lremovexattr(path, name) })
}

// writeXAttr changes an attribute of a file that is here, or one that is not gets what absent makes of that it has.
func (v *volume) writeXAttr(h *fuse.InHeader, name string, absent func(was *string) (*string, error), byFd func(int) error, byPath func(string) error) fuse.Status {
	v.names.RLock()
	defer v.names.RUnlock()
	n := v.table.get(h.NodeId)
	if n == nil {
		return fuse.Status(unix.ESTALE)
	}
	if v.isAbsent(n) {
		return status(v.setAbsentXAttr(h, n, name, absent))
	}
	own := v.own(h)
	if own {
		if err := v.checkStep(n); err != nil {
			return status(err)
		}
	}
	err := v.xattrs(n, byFd, byPath)
	if err != nil {
		return status(err)
	}
	if name == defaultACL {
		v.dirs.setACL(n, aclUnknown)
	}
	if !own && (name == accessACL || strings.HasPrefix(name, "user.")) {
		v.recordAttr(n)
	}
	return fuse.OK
}

// xattrs reaches the attributes by an open handle, else by a path that follows no symlink.
func (v *volume) xattrs(n *node, byFd func(int) error, byPath func(string) error) error {
	if done, err := v.withHandle(n, byFd); done {
		return err
	}
	if fd := v.table.orphan(n); fd != 0 {
		fd, err := unix.Open(backing.Self(fd), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return byFd(fd)
	}
	if n.kind == unix.S_IFDIR {
		d, err := v.dir(n)
		if err != nil {
			return err
		}
		defer v.dirs.done(d)
		return byPath(backing.Self(d.fd) + "/.")
	}
	return v.find(n, func(d *dir, name string, _ *unix.Stat_t) error {
		return byPath(fmt.Sprintf("%s/%s", backing.Self(d.fd), name))
	})
}

// recordAttr reports new attributes of n under each of its names. names is held.
func (v *volume) recordAttr(n *node) {
	if n.id == 1 {
		v.record(change.Change{Kind: change.Attr})
		return
	}
	for _, p := range v.table.paths(n) {
		v.record(change.Change{Kind: change.Attr, Path: p, Local: local(uint32(n.kind))})
	}
}

func dropSGID(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil || st.Mode&unix.S_ISGID == 0 {
		return err
	}
	return unix.Chmod(path, st.Mode&0o7777&^unix.S_ISGID)
}
