package fusefs

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Statx is statx(2) where a program asks when a file was made, which no other request tells.
func (v *volume) Statx(_ <-chan struct{}, in *fuse.StatxIn, out *fuse.StatxOut) fuse.Status {
	n := v.table.get(in.NodeId)
	if n == nil {
		return fuse.Status(unix.ESTALE)
	}
	v.names.RLock()
	defer v.names.RUnlock()
	var sx unix.Statx_t
	if n.hidden || v.isAbsent(n) {
		st, err := v.stat(n)
		if err != nil {
			return status(err)
		}
		sx = statxOf(&st)
	} else if err := v.change(n, false, func(fd int, _ *file) error {
		return unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &sx)
	}); err != nil {
		return status(err)
	}
	out.FromStatx(&sx)
	out.Ino = n.ino
	out.SetTimeout(v.attrFor(n))
	return fuse.OK
}

// statxOf is what stat(2) says, in the form of statx(2).
func statxOf(st *unix.Stat_t) unix.Statx_t {
	at := func(t unix.Timespec) unix.StatxTimestamp {
		return unix.StatxTimestamp{Sec: t.Sec, Nsec: uint32(t.Nsec)}
	}
	return unix.Statx_t{
		Mask:    unix.STATX_BASIC_STATS,
		Mode:    uint16(st.Mode),
		Nlink:   uint32(st.Nlink),
		Uid:     st.Uid,
		Gid:     st.Gid,
		Size:    uint64(st.Size),
		Blocks:  uint64(st.Blocks),
		Blksize: uint32(st.Blksize),
		Atime:   at(st.Atim),
		Mtime:   at(st.Mtim),
		Ctime:   at(st.Ctim),
	}
}
