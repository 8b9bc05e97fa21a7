package fusefs

import (
	"encoding/binary"
	"strings"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// OpenDir is not needed: offsets are those of the directory underneath and hold without a handle. The
// kernel does not ask again, and keeps listings.
func (v *volume) OpenDir(<-chan struct{}, *fuse.OpenIn, *fuse.OpenOut) fuse.Status {
	return fuse.ENOSYS
}

// ReleaseDir is never called for want of OpenDir.
func (v *volume) ReleaseDir(*fuse.ReleaseIn) {}

// ReadDir lists names.
func (v *volume) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return v.list(in, func(_ *node, _ *dir, e fuse.DirEntry) bool {
		return out.AddDirEntry(e)
	})
}

// ReadDirPlus lists names with what Lookup would say of them.
func (v *volume) ReadDirPlus(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return v.list(in, func(n *node, d *dir, e fuse.DirEntry) bool {
		entry := out.AddDirLookupEntry(e)
		if entry == nil {
			return false
		}
		if e.Name == "." || e.Name == ".." {
			return true
		}
		l := link{n, e.Name}
		var st unix.Stat_t
		err := unix.Fstatat(d.fd, e.Name, &st, unix.AT_SYMLINK_NOFOLLOW)
		switch {
		case err == nil:
			v.answer(l, &st, entry)
			out.FixMode(st.Mode)
		case err == unix.ENOENT:
			v.lookupAbsent(l, entry)
		}
		return true
	})
}

// list lists the absent files before those underneath: one that comes meanwhile is listed, if not where it was, then where
// it is.
func (v *volume) list(in *fuse.ReadIn, add func(*node, *dir, fuse.DirEntry) bool) fuse.Status {
	v.names.RLock()
	defer v.names.RUnlock()
	return v.inDir(in.NodeId, func(n *node, d *dir) error {
		off := in.Offset
		if off == 0 || off >= absentOffset && off != lastOffset {
			if v.listAbsent(n, d, off, add) {
				return nil
			}
			off = 0
		}
		return v.listPresent(n, d, int64(off), in.Size, add)
	})
}

// listPresent adds the entries underneath from an offset on.
func (v *volume) listPresent(n *node, d *dir, off int64, size uint32, add func(*node, *dir, fuse.DirEntry) bool) error {
	fd, _, err := v.openAt(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if off != 0 {
		if _, err := unix.Seek(fd, off, unix.SEEK_SET); err != nil {
			return err
		}
	}
	buf := make([]byte, max(size/2, 1<<10))
	for {
		size, err := unix.Getdents(fd, buf)
		if size == 0 || err != nil {
			return err
		}
		for rest := buf[:size]; len(rest) > 0; {
			e, length := parse(rest)
			rest = rest[length:]
			if n.hidden || v.reserved(n, e.Name) {
				continue
			}
			k := key{n.key.dev, e.Ino}
			e.Ino = v.ino(k)
			if !add(n, d, e) {
				return nil
			}
		}
	}
}

// parse reads one struct linux_dirent64 and says how long it is.
func parse(b []byte) (fuse.DirEntry, int) {
	const header = 19
	length := int(binary.NativeEndian.Uint16(b[16:]))
	name := string(b[header:length])
	if i := strings.IndexByte(name, 0); i >= 0 {
		name = name[:i]
	}
	return fuse.DirEntry{
		Ino:  binary.NativeEndian.Uint64(b),
		Off:  binary.NativeEndian.Uint64(b[8:]),
		Mode: uint32(b[18]) << 12,
		Name: name,
	}, length
}

// FsyncDir makes the names in a directory durable.
func (v *volume) FsyncDir(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	return v.inDir(in.NodeId, func(_ *node, d *dir) error {
		fd, err := unix.Openat(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Fsync(fd)
	})
}
