package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	maxFile = 1 << 18 // the size up to which the file grows
	page    = 4096
	memory  = 40 // so many steps are told when something is wrong
)

// A file is exercised by every way that the system has to change one. What it must hold is in shadow.
type file struct {
	source
	path   string
	byName bool // what is at path is this file
	shadow []byte

	plain    *os.File
	appender *os.File // O_APPEND; nil: not open
	direct   *os.File // O_DIRECT; nil: not open, or not to be had
	mapping  []byte   // shared; nil: none

	off, n int // what was touched last
	last   []string
}

// A wrong is what a step or the look after it found; it is thrown.
type wrong struct{ error }

func must(err error) {
	if err != nil {
		panic(wrong{err})
	}
}

func complain(format string, args ...any) { panic(wrong{fmt.Errorf(format, args...)}) }

// file makes a file at path and exercises it. At the end it is closed, and holds what it should.
func (k task) file(path string) (err error) {
	x := &file{source: newSource(k.seed, 0), path: path, byName: !k.handles}
	step := 0
	defer func() {
		switch w := recover().(type) {
		case nil:
		case wrong:
			err = fmt.Errorf("%s: step %d: %w; the last steps:\n%s", path, step, w.error, strings.Join(x.last, "\n"))
		default:
			panic(w)
		}
	}()
	x.plain, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	must(err)
	for ; step < k.ops; step++ {
		x.step()
		x.look()
	}
	x.whole(x.plain, "at the end")
	x.unmap()
	x.close()
	fmt.Fprintln(k.out, digest(x.shadow))
	return nil
}

func (x *file) did(off, n int, format string, args ...any) {
	x.off, x.n = off, n
	x.last = append(x.last, fmt.Sprintf(format, args...)+fmt.Sprintf(" %#x+%#x of %#x", off, n, len(x.shadow)))
	if len(x.last) > memory {
		x.last = x.last[1:]
	}
}

func (x *file) close() {
	for _, f := range []**os.File{&x.appender, &x.direct, &x.plain} {
		if *f != nil {
			must((*f).Close())
			*f = nil
		}
	}
}

// span returns a random range within the first limit bytes.
func (x *file) span(limit int) (off, n int) {
	off = x.IntN(limit)
	return off, 1 + x.IntN(min(limit-off, 1<<15))
}

// pages returns a range of whole pages.
func (x *file) pages() (off, n int) {
	off = x.IntN(maxFile/page) * page
	return off, page * (1 + x.IntN(min((maxFile-off)/page, 8)))
}

func (x *file) resize(size int) {
	if size < len(x.shadow) {
		x.shadow = x.shadow[:size:size]
		return
	}
	x.shadow = append(x.shadow, make([]byte, size-len(x.shadow))...)
}

// put puts b into the shadow.
func (x *file) put(b []byte, off int) {
	x.resize(max(len(x.shadow), off+len(b)))
	copy(x.shadow[off:], b)
}

// look compares the file with its shadow after a step, in one way or another.
func (x *file) look() {
	var st unix.Stat_t
	must(unix.Fstat(int(x.plain.Fd()), &st))
	if st.Size != int64(len(x.shadow)) {
		complain("fstat tells of %#x bytes, not of %#x", st.Size, len(x.shadow))
	}
	if x.byName {
		var named unix.Stat_t
		must(unix.Lstat(x.path, &named))
		if named.Size != st.Size || named.Ino != st.Ino {
			complain("lstat tells of %#x bytes, inode %d; fstat of %#x, %d", named.Size, named.Ino, st.Size, st.Ino)
		}
	}
	switch x.IntN(8) {
	case 0:
		x.whole(x.plain, "read")
	case 1:
		if x.byName {
			f, err := os.Open(x.path)
			must(err)
			x.whole(f, "opened anew, read")
			must(f.Close())
		}
	case 2:
		if f := x.openDirect(); f != nil {
			x.whole(f, "read with O_DIRECT")
		}
	case 3:
		if x.mapping != nil {
			n := min(len(x.mapping), len(x.shadow))
			x.compare(x.mapping[:n], 0, "mapped")
		}
	case 4:
		x.holes()
	default:
		from := max(0, min(x.off, len(x.shadow))-page)
		to := min(len(x.shadow), x.off+x.n+page)
		if from < to {
			b := make([]byte, to-from)
			_, err := x.plain.ReadAt(b, int64(from))
			must(err)
			x.compare(b, from, "read")
		}
	}
}

// whole reads all of the file through f, and finds its end.
func (x *file) whole(f *os.File, how string) {
	b := aligned(maxFile + page)
	size := 0
	for {
		n, err := unix.Pread(int(f.Fd()), b[size:], int64(size))
		must(err)
		size += n
		if n == 0 || size%page != 0 {
			break
		}
	}
	if size != len(x.shadow) {
		complain("%s, it has %#x bytes, not %#x", how, size, len(x.shadow))
	}
	x.compare(b[:size], 0, how)
}

func (x *file) compare(got []byte, off int, how string) {
	want := x.shadow[off : off+len(got)]
	if bytes.Equal(got, want) {
		return
	}
	first, last := -1, 0
	for i := range got {
		if got[i] != want[i] {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	complain("%s, it is wrong from %#x to %#x of %#x: %x, not %x", how, off+first, off+last, len(x.shadow),
		got[first:min(first+16, len(got))], want[first:min(first+16, len(want))])
}

// holes wants nothing but zeros where the system says that there is a hole.
func (x *file) holes() {
	size := int64(len(x.shadow))
	for at := int64(0); at < size; {
		data, err := unix.Seek(int(x.plain.Fd()), at, unix.SEEK_DATA)
		if err == unix.ENXIO {
			data = size
		} else {
			must(err)
		}
		if i := bytes.IndexFunc(x.shadow[at:data], func(r rune) bool { return r != 0 }); i >= 0 {
			complain("SEEK_DATA from %#x leads to %#x, past what is at %#x", at, data, at+int64(i))
		}
		if data == size {
			break
		}
		at, err = unix.Seek(int(x.plain.Fd()), data, unix.SEEK_HOLE)
		must(err)
		if at <= data {
			complain("SEEK_HOLE from the data at %#x leads to %#x", data, at)
		}
	}
}
