package main

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// step does one thing to the file, and the same to the shadow.
func (x *file) step() {
	switch x.IntN(22) {
	case 0, 1, 2:
		off, n := x.span(maxFile)
		x.write(off, n)
	case 3:
		x.append()
	case 4:
		x.writeDirect()
	case 5, 6, 7:
		x.store()
	case 8, 9:
		x.truncate()
	case 10, 11:
		x.allocate()
	case 12, 13:
		x.copyRange()
	case 14:
		x.reopen()
	case 15:
		x.fsync()
	case 16:
		must(x.plain.Sync())
		must(unix.Fadvise(int(x.plain.Fd()), 0, 0, unix.FADV_DONTNEED))
		x.did(0, 0, "drop the cache")
	case 17:
		x.unmap()
	case 18:
		x.replace()
	case 19:
		x.rename()
	case 20:
		x.writeVector()
	case 21: // nothing but the look
	}
}

func (x *file) write(off, n int) {
	b := x.data(n)
	x.did(off, n, "write")
	_, err := x.plain.WriteAt(b, int64(off))
	must(err)
	x.put(b, off)
}

func (x *file) writeVector() {
	off, n := x.span(maxFile)
	b := x.data(n)
	cut := x.IntN(n)
	x.did(off, n, "pwritev, cut at %#x,", cut)
	done, err := unix.Pwritev(int(x.plain.Fd()), [][]byte{b[:cut], b[cut:]}, int64(off))
	must(err)
	x.put(b[:done], off)
}

func (x *file) append() {
	size := len(x.shadow)
	if size >= maxFile {
		return
	}
	if x.appender == nil && x.byName {
		var err error
		x.appender, err = os.OpenFile(x.path, os.O_WRONLY|os.O_APPEND, 0)
		must(err)
	}
	if x.appender == nil {
		return
	}
	b := x.data(1 + x.IntN(min(maxFile-size, 1<<13)))
	x.did(size, len(b), "append")
	_, err := x.appender.Write(b)
	must(err)
	x.put(b, size)
}

// openDirect is the file with O_DIRECT; nil where that is not to be had.
func (x *file) openDirect() *os.File {
	if x.direct == nil && x.byName {
		f, err := os.OpenFile(x.path, os.O_RDWR|unix.O_DIRECT, 0)
		if err == nil {
			x.direct = f
		}
	}
	return x.direct
}

func (x *file) writeDirect() {
	f := x.openDirect()
	if f == nil {
		return
	}
	off, n := x.pages()
	b := aligned(n)
	x.bytes.Read(b)
	x.did(off, n, "write with O_DIRECT")
	_, err := f.WriteAt(b, int64(off))
	must(err)
	x.put(b, off)
}

// aligned is memory that begins at a page.
func aligned(n int) []byte {
	b := make([]byte, n+page)
	skip := -int(uintptr(unsafe.Pointer(&b[0]))) & (page - 1)
	return b[skip : skip+n : skip+n]
}

// store stores through a shared mapping, a new one or that of before.
func (x *file) store() {
	if len(x.shadow) == 0 {
		return
	}
	if x.mapping == nil {
		m, err := unix.Mmap(int(x.plain.Fd()), 0, len(x.shadow), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		must(err)
		x.mapping = m
	}
	limit := min(len(x.shadow), len(x.mapping))
	off, n := x.span(limit)
	b := x.data(n)
	x.did(off, n, "store")
	copy(x.mapping[off:], b)
	x.put(b, off)
	switch x.IntN(4) {
	case 0:
		must(unix.Msync(x.mapping, unix.MS_SYNC))
	case 1:
		must(unix.Msync(x.mapping, unix.MS_ASYNC))
	}
}

func (x *file) unmap() {
	if x.mapping != nil {
		x.did(0, len(x.mapping), "unmap")
		must(unix.Munmap(x.mapping))
		x.mapping = nil
	}
}

func (x *file) truncate() {
	size := x.IntN(maxFile)
	if x.byName && x.IntN(2) == 0 {
		x.did(min(size, len(x.shadow)), max(0, size-len(x.shadow)), "truncate to %#x by name,", size)
		must(unix.Truncate(x.path, int64(size)))
	} else {
		x.did(min(size, len(x.shadow)), max(0, size-len(x.shadow)), "truncate to %#x,", size)
		must(x.plain.Truncate(int64(size)))
	}
	x.resize(size)
}

// allocate makes room, holes or zeros.
func (x *file) allocate() {
	off, n := x.span(maxFile)
	keep := uint32(x.IntN(2)) * unix.FALLOC_FL_KEEP_SIZE
	mode := []uint32{keep, unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE, unix.FALLOC_FL_ZERO_RANGE | keep}[x.IntN(3)]
	x.did(off, n, "fallocate %#x", mode)
	must(unix.Fallocate(int(x.plain.Fd()), mode, int64(off), int64(n)))
	if mode&unix.FALLOC_FL_KEEP_SIZE == 0 {
		x.resize(max(len(x.shadow), off+n))
	}
	if mode&(unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_ZERO_RANGE) != 0 && off < len(x.shadow) {
		clear(x.shadow[off:min(off+n, len(x.shadow))])
	}
}

// copyRange copies from one place of the file to another.
func (x *file) copyRange() {
	half := len(x.shadow) / 2
	if half == 0 {
		return
	}
	off, n := x.span(half)
	n = min(n, half-off)
	src, dst := int64(off), int64(half+x.IntN(maxFile-half-n))
	if x.IntN(2) == 0 && dst+int64(n) <= int64(len(x.shadow)) {
		src, dst = dst, src
	}
	x.did(int(dst), n, "copy_file_range from %#x to", src)
	from, to := src, dst
	done, err := unix.CopyFileRange(int(x.plain.Fd()), &from, int(x.plain.Fd()), &to, n, 0)
	must(err)
	if done == 0 {
		complain("copy_file_range copies nothing")
	}
	x.put(append([]byte(nil), x.shadow[src:int(src)+done]...), int(dst))
}

// reopen closes all and opens the file again; sometimes to truncate it. What is mapped stays so.
func (x *file) reopen() {
	flags := os.O_RDWR
	if x.IntN(8) == 0 {
		flags |= os.O_TRUNC
	}
	if !x.byName {
		return
	}
	x.did(0, len(x.shadow), "close, open with %#x", flags)
	x.close()
	var err error
	x.plain, err = os.OpenFile(x.path, flags, 0)
	must(err)
	if flags&os.O_TRUNC != 0 {
		x.resize(0)
	}
}

func (x *file) fsync() {
	x.did(0, 0, "fsync")
	if x.IntN(2) == 0 {
		must(x.plain.Sync())
	} else {
		must(unix.Fdatasync(int(x.plain.Fd())))
	}
}

// replace writes a new file and renames it over the old one, as editors do.
func (x *file) replace() {
	if !x.byName {
		return
	}
	b := x.data(x.IntN(1 << 14))
	x.did(0, len(b), "replace")
	must(os.WriteFile(x.path+".new", b, 0o644))
	must(os.Rename(x.path+".new", x.path))
	x.wholeOld()
	x.unmap()
	x.close()
	var err error
	x.plain, err = os.OpenFile(x.path, os.O_RDWR, 0)
	must(err)
	x.shadow = b
}

// wholeOld wants of a file that has lost its name all that it held.
func (x *file) wholeOld() { x.whole(x.plain, "replaced, through the old handle") }

// rename gives the file another name while it is open, and again its own.
func (x *file) rename() {
	if !x.byName {
		return
	}
	x.did(0, 0, "rename")
	must(os.Rename(x.path, x.path+".moved"))
	x.whole(x.plain, "renamed")
	must(os.Rename(x.path+".moved", x.path))
}
