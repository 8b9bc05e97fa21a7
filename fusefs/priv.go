package fusefs

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

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
func (v *volume) killPriv(h *fuse.InHeader, fd int, real bool) error {
	if !v.privil {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	mode := st.Mode &^ unix.S_ISUID
	if mode&unix.S_ISGID != 0 && (mode&unix.S_IXGRP != 0 || !inGroup(h, st.Gid)) {
		mode &^= unix.S_ISGID
	}
	if mode == st.Mode {
		return nil
	}
	return chmod(fd, real, mode&0o7777)
}

// dropPriv is what is left of a chown(2) that changes neither, and what the kernel asks for when a program
// writes where the daemon does not see it.
func (v *volume) dropPriv(h *fuse.InHeader, fd int, real bool) error {
	if h.Uid != 0 {
		if err := v.killPriv(h, fd, real); err != nil {
			return err
		}
	}
	return unix.Fchownat(fd, "", -1, -1, unix.AT_EMPTY_PATH)
}

// inGroup says whether the caller is in a group. A request tells but the first of its groups.
func inGroup(h *fuse.InHeader, gid uint32) bool {
	if h.Gid == gid {
		return true
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.Pid))
	if err != nil {
		return false
	}
	_, groups, _ := strings.Cut(string(b), "\nGroups:")
	groups, _, _ = strings.Cut(groups, "\n")
	return slices.Contains(strings.Fields(groups), strconv.FormatUint(uint64(gid), 10))
}

// giveTo makes the caller the owner of what was just made for it in d, and has st say so. In a setgid
// directory the group is the directory's already. A change of owner takes setuid and setgid away, which
// were asked for.
func (v *volume) giveTo(h *fuse.InHeader, d *dir, fd int, real bool, st *unix.Stat_t) error {
	if v.isOwner(h, st) {
		return nil
	}
	var parent unix.Stat_t
	if err := unix.Fstat(d.fd, &parent); err != nil {
		return err
	}
	gid := int(h.Gid)
	if parent.Mode&unix.S_ISGID != 0 {
		gid = -1
	}
	if err := unix.Fchownat(fd, "", int(h.Uid), gid, unix.AT_EMPTY_PATH); err != nil {
		return err
	}
	if st.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		if err := chmod(fd, real, st.Mode&0o7777); err != nil {
			return err
		}
	}
	return unix.Fstat(fd, st)
}

// giveNamed is giveTo for what has a name and is not open.
func (v *volume) giveNamed(h *fuse.InHeader, d *dir, name string, st *unix.Stat_t) error {
	if v.isOwner(h, st) {
		return nil
	}
	fd, err := unix.Openat(d.fd, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return v.giveTo(h, d, fd, false, st)
}

// isOwner says whether what the daemon just made is the caller's as it is.
func (v *volume) isOwner(h *fuse.InHeader, st *unix.Stat_t) bool {
	return !v.privil || st.Uid == h.Uid && st.Gid == h.Gid
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
