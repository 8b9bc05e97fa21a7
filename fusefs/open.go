package fusefs

import (
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"syncfs/fusefs/backing"
)

// openFlags are those that mean something to the descriptor underneath. The kernel appends, truncates and does
// direct I/O by itself.
const openFlags = unix.O_ACCMODE | unix.O_SYNC | unix.O_DSYNC | unix.O_NOATIME

// Open opens a file; one whose content is not here is fetched first.
func (v *volume) Open(cancel <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	n := v.table.get(in.NodeId)
	if n == nil {
		return fuse.Status(unix.ESTALE)
	}
	if v.isAbsent(n) {
		if err := v.bring(cancel, n); err != nil {
			return status(err)
		}
	}
	h, err := v.openNode(n, in, out)
	if err == nil && h.pass && h.read && h.write {
		v.device.InodeNotify(n.id, -1, 0) // see attrFor; it waits for nobody
	}
	return status(err)
}

// openNode opens a file that is here.
func (v *volume) openNode(n *node, in *fuse.OpenIn, out *fuse.OpenOut) (*handle, error) {
	v.names.RLock()
	defer v.names.RUnlock()
	flags := int(in.Flags) & openFlags
	var fd int
	var direct bool
	var st unix.Stat_t
	open := func(d int, name string) (err error) {
		if fd, direct, err = v.openAt(d, name, flags); err == nil {
			err = v.spare(fd)
		}
		return err
	}
	err := v.find(n, func(d *dir, name string, found *unix.Stat_t) error {
		st = *found
		return open(d.fd, name)
	})
	if fd := v.table.orphan(n); err == unix.ESTALE && fd != 0 {
		if err = unix.Fstat(fd, &st); err == nil {
			err = open(unix.AT_FDCWD, backing.Self(fd))
		}
	}
	if err != nil {
		return nil, err
	}
	h := newHandle(fd, in.Flags)
	if direct {
		out.OpenFlags |= fuse.FOPEN_DIRECT_IO
	}
	v.opened(n, h, &st, out)
	return h, nil
}

// openAt opens a file underneath. To write back a page the kernel may read it first, so write-only
// becomes read-write; what may not be read is used without a cache.
func (v *volume) openAt(d int, name string, flags int) (fd int, direct bool, err error) {
	how := flags | unix.O_CLOEXEC
	if v.readOnly {
		how |= unix.O_NOATIME
	}
	if d != unix.AT_FDCWD {
		how |= unix.O_NOFOLLOW
	}
	if v.writeback && flags&unix.O_ACCMODE == unix.O_WRONLY {
		how = how&^unix.O_ACCMODE | unix.O_RDWR
	}
	fd, err = open(d, name, how)
	if err == unix.EPERM && how&unix.O_NOATIME != 0 {
		how &^= unix.O_NOATIME // it is for the owner
		fd, err = open(d, name, how)
	}
	if err == unix.EACCES && v.writeback && flags&unix.O_ACCMODE == unix.O_WRONLY {
		direct = true
		fd, err = open(d, name, how&^unix.O_ACCMODE|unix.O_WRONLY)
	}
	return fd, direct, err
}

func open(d int, name string, how int) (int, error) {
	for {
		fd, err := unix.Openat(d, name, how, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// opened makes a descriptor a handle of n; st is what the file was before it was opened. names is held.
func (v *volume) opened(n *node, h *handle, st *unix.Stat_t, out *fuse.OpenOut) {
	f := v.lockFile(n, true)
	defer v.unlockFile(f)
	h.f = f
	// Setuid and setgid must fall when the file is written, which the kernel leaves to us where we see
	// the write. Where we do not, a file once opened to append is appended to for good, even if the program
	// takes that back.
	tracked := h.write && (h.appends || st.Size >= trackFrom || st.Mode&(unix.S_ISUID|unix.S_ISGID) != 0)
	first := h.write && f.passWriters == 0
	if len(f.handles) == 0 && v.writeback {
		f.mtime = mtimeOf(h.fd)
	}
	f.handles = append(f.handles, h)
	if h.write {
		f.writers++
		f.last = time.Now()
	}
	v.admit(f, h, v.privil && !tracked, out)
	if h.pass && first {
		var now unix.Stat_t
		if unix.Fstat(h.fd, &now) == nil {
			f.seen = fingerprintOf(&now)
		}
		f.racy = time.Since(time.Unix(st.Ctim.Unix())) < racyFor
		f.changed = false
	}
	v.files.add(h)
	out.Fh = h.id
}

// overwritten notes that a file was made. names is held.
func (v *volume) overwritten(n *node, tell bool) {
	f := v.lockFile(n, true)
	defer v.unlockFile(f)
	v.written(f, tell)
}

// written notes that all of a file is new. names and f.mu are held.
func (v *volume) written(f *file, tell bool) {
	v.soil(f, tell)
	f.wrote(0, everything)
	f.changed = true
	if f.writers == 0 && f.inflight == 0 {
		v.settle(f)
	}
}

// Flush is the close of a descriptor. Locks are the kernel's, and what was written is reported at Release. But where
// the kernel writes back what it keeps, which it does before it asks this, close(2) would say that all went well also
// if nobody was there any more to be written to.
func (v *volume) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status {
	if v.writeback {
		return fuse.OK
	}
	return fuse.ENOSYS
}

// Release closes a handle, after the last descriptor and mapping of it are gone.
func (v *volume) Release(_ <-chan struct{}, in *fuse.ReleaseIn) {
	h := v.files.remove(in.Fh)
	if h == nil {
		return
	}
	v.names.RLock()
	defer v.names.RUnlock()
	f := h.f
	f.mu.Lock()
	defer v.unlockFile(f)
	if h.write && h.pass {
		v.lookClosing(f)
	}
	if h.write && f.writers == 1 {
		f.keepTime(h.fd)
	}
	for i, o := range f.handles {
		if o == h {
			f.handles = append(f.handles[:i], f.handles[i+1:]...)
			break
		}
	}
	v.dismiss(f, h)
	unix.Close(h.fd)
	if h.write {
		f.writers--
		if f.writers == 0 && f.inflight == 0 {
			v.settle(f)
			v.putAway(f)
		}
	}
}

// lookClosing is look for a handle that closes. With the last one it is the time to look once more: a
// store through a mapping leaves no mark of its own, nor does a change in the tick in which the file was
// opened.
func (v *volume) lookClosing(f *file) {
	v.look(f)
	if f.passWriters == 1 && (f.changed || f.racy) {
		v.soil(f, false)
		f.wrote(0, everything)
	}
}

// Fsync is fsync(2) and fdatasync(2).
func (v *volume) Fsync(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	h := v.files.get(in.Fh)
	if h == nil {
		return fuse.EBADF
	}
	if in.FsyncFlags&1 != 0 {
		return status(unix.Fdatasync(h.fd))
	}
	return status(unix.Fsync(h.fd))
}
