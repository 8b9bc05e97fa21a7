package posix

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// What gives files space, takes it away, and copies without reading.
var spaceCalls = map[string]call{
	"truncate": func(p *process, a args) (string, error) {
		if w := p.place(a[0]); w.open {
			return "", unix.Ftruncate(w.dir, number(a[1]))
		}
		return "", unix.Truncate(p.place(a[0]).byPath(), number(a[1]))
	},
	"fallocate": func(p *process, a args) (string, error) {
		how := uint32(bits(a[1], map[string]int{"alloc": 0, "keep": unix.FALLOC_FL_KEEP_SIZE,
			"punch": unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE, "punchgrow": unix.FALLOC_FL_PUNCH_HOLE,
			"zero": unix.FALLOC_FL_ZERO_RANGE, "collapse": unix.FALLOC_FL_COLLAPSE_RANGE,
			"insert": unix.FALLOC_FL_INSERT_RANGE, "unshare": unix.FALLOC_FL_UNSHARE_RANGE, "bad": 1 << 20}))
		return "", unix.Fallocate(p.fd(a[0]), how, number(a[2]), number(a[3]))
	},
	"copy": func(p *process, a args) (string, error) {
		src, dst := number(a[1]), number(a[3])
		n, err := unix.CopyFileRange(p.fd(a[0]), &src, p.fd(a[2]), &dst, int(number(a[4])), bits(a.at(5), map[string]int{"bad": 1}))
		return fmt.Sprint(n), err
	},
	// copypos copies from where the one file is to where the other is.
	"copypos": func(p *process, a args) (string, error) {
		n, err := unix.CopyFileRange(p.fd(a[0]), nil, p.fd(a[1]), nil, int(number(a[2])), 0)
		return fmt.Sprint(n), err
	},
	"sendfile": func(p *process, a args) (string, error) {
		var off *int64
		if a.at(3) != "" {
			at := number(a[3])
			off = &at
		}
		n, err := unix.Sendfile(p.fd(a[1]), p.fd(a[0]), off, int(number(a[2])))
		return fmt.Sprint(n), err
	},
	// splice goes through a pipe.
	"splice": func(p *process, a args) (string, error) {
		var pipe [2]int
		if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
			return "", err
		}
		defer unix.Close(pipe[0])
		defer unix.Close(pipe[1])
		n, err := unix.Splice(p.fd(a[0]), nil, pipe[1], nil, int(number(a[2])), 0)
		if err != nil {
			return "in", err
		}
		m, err := unix.Splice(pipe[0], nil, p.fd(a[1]), nil, int(n), 0)
		return fmt.Sprintf("%d %d", n, m), err
	},
	"clone": func(p *process, a args) (string, error) {
		return "", unix.IoctlFileClone(p.fd(a[1]), p.fd(a[0]))
	},
	"clonerange": func(p *process, a args) (string, error) {
		return "", unix.IoctlFileCloneRange(p.fd(a[1]), &unix.FileCloneRange{Src_fd: int64(p.fd(a[0])), Src_length: uint64(number(a[2]))})
	},
	"dedupe": func(p *process, a args) (string, error) {
		return "", unix.IoctlFileDedupeRange(p.fd(a[0]), &unix.FileDedupeRange{Src_length: uint64(number(a[2])),
			Info: []unix.FileDedupeRangeInfo{{Dest_fd: int64(p.fd(a[1]))}}})
	},
	// splicein and spliceout go between a file, at an offset, and a pipe that is open at both ends.
	"splicein": func(p *process, a args) (string, error) {
		off := number(a[2])
		n, err := unix.Splice(p.fd(a[0]), &off, p.fd(a[1]), nil, int(number(a[3])), unix.SPLICE_F_NONBLOCK)
		return fmt.Sprintf("%d to %d", n, off), err
	},
	"spliceout": func(p *process, a args) (string, error) {
		off := number(a[2])
		n, err := unix.Splice(p.fd(a[0]), nil, p.fd(a[1]), &off, int(number(a[3])), unix.SPLICE_F_NONBLOCK)
		return fmt.Sprintf("%d to %d", n, off), err
	},
	// overfill writes more than there is room for, and says whether one of the calls told.
	"overfill": func(p *process, a args) (string, error) {
		fd, err := unix.Open(a[0], unix.O_WRONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o644)
		if err != nil {
			return "", err
		}
		for range int(number(a[1])) {
			if _, err = unix.Write(fd, make([]byte, 1<<16)); err != nil {
				break
			}
		}
		if e := unix.Fsync(fd); err == nil {
			err = e
		}
		if e := unix.Close(fd); err == nil {
			err = e
		}
		return "not told", err
	},
	// segments tells where data is, with holes between.
	"segments": func(p *process, a args) (string, error) {
		fd := p.fd(a[0])
		var all []string
		for off := int64(0); ; {
			data, err := unix.Seek(fd, off, unix.SEEK_DATA)
			if err == unix.ENXIO {
				return strings.Join(append([]string{"data"}, all...), " "), nil
			}
			if err != nil {
				return "", err
			}
			if off, err = unix.Seek(fd, data, unix.SEEK_HOLE); err != nil {
				return "", err
			}
			all = append(all, fmt.Sprintf("%d-%d", data, off))
		}
	},
	// nonzero tells where the bytes are that are not zero.
	"nonzero": func(p *process, a args) (string, error) {
		w := p.place(a[0])
		fd := w.dir
		if !w.open {
			var err error
			if fd, err = unix.Openat(w.dir, w.path, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
				return "", err
			}
			defer unix.Close(fd)
		}
		var all []string
		var off, begun int64 = 0, -1
		for buf := make([]byte, 1<<16); ; {
			n, err := unix.Pread(fd, buf, off)
			if err != nil {
				return "", err
			}
			for i := range n {
				switch here := off + int64(i); {
				case buf[i] != 0 && begun < 0:
					begun = here
				case buf[i] == 0 && begun >= 0:
					all = append(all, fmt.Sprintf("%d-%d", begun, here))
					begun = -1
				}
			}
			off += int64(n)
			if n == 0 {
				break
			}
		}
		if begun >= 0 {
			all = append(all, fmt.Sprintf("%d-%d", begun, off))
		}
		return strings.Join(append(all, fmt.Sprintf("of %d", off)), " "), nil
	},
}
