package fusefs

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Read reads what the kernel has not cached.
func (v *volume) Read(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	h := v.files.get(in.Fh)
	if h == nil {
		return nil, fuse.EBADF
	}
	read := 0
	for read < len(buf) {
		n, err := unix.Pread(h.fd, buf[read:], int64(in.Offset)+int64(read))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, status(err)
		}
		if n == 0 {
			break
		}
		read += n
	}
	return fuse.ReadResultData(buf[:read]), fuse.OK
}

// Writev is Write of what comes in several pieces.
func (v *volume) Writev(_ <-chan struct{}, in *fuse.WriteIn, data [][]byte) (uint32, fuse.Status) {
	h := v.files.get(in.Fh)
	if h == nil {
		return 0, fuse.EBADF
	}
	if in.WriteFlags&fuse.WRITE_KILL_SUIDGID != 0 {
		if err := v.killPriv(&in.InHeader, h.fd, true); err != nil {
			return 0, status(err)
		}
	}
	off := int64(in.Offset)
	v.beginWrite(h.f, off, int64(in.Size))
	defer v.endWrite(h.f)
	written := uint32(0)
	for _, b := range data {
		for len(b) > 0 {
			n, err := unix.Pwrite(h.fd, b, off)
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				// A kernel that writes back takes a short write for a whole one.
				if written > 0 && in.WriteFlags&fuse.WRITE_CACHE == 0 {
					return written, fuse.OK
				}
				return 0, status(err)
			}
			b, off, written = b[n:], off+int64(n), written+uint32(n)
		}
	}
	return written, fuse.OK
}

// Fallocate makes room or holes.
func (v *volume) Fallocate(_ <-chan struct{}, in *fuse.FallocateIn) fuse.Status {
	h := v.files.get(in.Fh)
	if h == nil {
		return fuse.EBADF
	}
	v.beginWrite(h.f, int64(in.Offset), int64(in.Length))
	defer v.endWrite(h.f)
	return status(unix.Fallocate(h.fd, in.Mode, int64(in.Offset), int64(in.Length)))
}

// CopyFileRange copies underneath, where the filesystem may share the blocks.
func (v *volume) CopyFileRange(_ <-chan struct{}, in *fuse.CopyFileRangeIn) (uint32, fuse.Status) {
	from, to := v.files.get(in.FhIn), v.files.get(in.FhOut)
	if from == nil || to == nil {
		return 0, fuse.EBADF
	}
	src, dst := int64(in.OffIn), int64(in.OffOut)
	// The answer holds 32 bits; what is left over the program asks for again.
	n := int(min(in.Len, 1<<30))
	v.beginWrite(to.f, dst, int64(n))
	defer v.endWrite(to.f)
	done, err := unix.CopyFileRange(from.fd, &src, to.fd, &dst, n, int(in.Flags))
	if err != nil {
		return 0, status(err)
	}
	v.device.InodeNotify(from.f.n.id, -1, 0) // its atime; this waits for nobody
	return uint32(done), fuse.OK
}

// Lseek finds data and holes. A kernel that writes back asks without having written back first: what it
// keeps would be taken for a hole. It is told that it has to see to it itself, and takes all for data.
func (v *volume) Lseek(_ <-chan struct{}, in *fuse.LseekIn, out *fuse.LseekOut) fuse.Status {
	if v.writeback {
		return fuse.ENOSYS
	}
	h := v.files.get(in.Fh)
	if h == nil {
		return fuse.EBADF
	}
	off, err := unix.Seek(h.fd, int64(in.Offset), int(in.Whence))
	if err != nil {
		return status(err)
	}
	out.Offset = uint64(off)
	return fuse.OK
}
