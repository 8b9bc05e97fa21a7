package fusefs

import (
	"golang.org/x/sys/unix"

	"github.com/hanwen/go-fuse/v2/fuse"

	"syncfs/fusefs/backing"
)

// chmod sets the mode of what a descriptor stands for; an O_PATH one is not real.
func chmod(fd int, real bool, mode uint32) error {
	if real {
		return unix.Fchmod(fd, mode)
	}
	err := unix.Fchmodat(fd, "", mode, unix.AT_EMPTY_PATH)
	if err == unix.EOPNOTSUPP || err == unix.EINVAL {
		err = unix.Chmod(backing.Self(fd), mode)
	}
	return err
}

// killPriv takes setuid and setgid from a file that was written or truncated by a caller whom the kernel
// says may not keep them. For an ordinary user the filesystem underneath does it.
func (v *volume) killPriv(fd int) error {
	if !v.privil {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	mode := st.Mode &^ unix.S_ISUID
	if mode&unix.S_IXGRP != 0 {
		mode &^= unix.S_ISGID
	}
	if mode == st.Mode {
		return nil
	}
	return unix.Fchmod(fd, mode&0o7777)
}

// giveTo makes the caller the owner of what was just made for it; in a setgid directory the group is
// the directory's already. A change of owner takes setuid and setgid away, which mode brings back.
//
// st is what was made, brought up to date.
func (v *volume) giveTo(h *fuse.InHeader, d *dir, name string, mode uint32, st *unix.Stat_t) error {
	uid, gid := int(h.Uid), int(h.Gid)
	if !v.privil || int(st.Uid) == uid && int(st.Gid) == gid {
		return nil
	}
	if err := v.chownNew(uid, gid, d, name, mode, st); err != nil {
		return err
	}
	return unix.Fstatat(d.fd, name, st, unix.AT_SYMLINK_NOFOLLOW)
}

func (v *volume) chownNew(uid, gid int, d *dir, name string, mode uint32, st *unix.Stat_t) error {
	var parent unix.Stat_t
	if err := unix.Fstat(d.fd, &parent); err != nil {
		return err
	}
	if parent.Mode&unix.S_ISGID != 0 {
		gid = -1
	}
	if err := unix.Fchownat(d.fd, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if mode&(unix.S_ISUID|unix.S_ISGID) == 0 || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil
	}
	fd, err := unix.Openat(d.fd, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return chmod(fd, false, mode&0o7777)
}

// modeFor applies the umask of the caller as the filesystem underneath would: not where the directory
// has a default ACL.
func (v *volume) modeFor(d *dir, mode, umask uint32) uint32 {
	if umask == 0 || mode&umask == 0 {
		return mode
	}
	a := v.dirs.getACL(d)
	if a == aclUnknown {
		a = aclNone
		if n, err := unix.Getxattr(backing.Self(d.fd), "system.posix_acl_default", nil); err == nil && n > 0 {
			a = aclDefault
		}
		v.dirs.setACL(d.n, a)
	}
	if a == aclDefault {
		return mode
	}
	return mode &^ umask
}
