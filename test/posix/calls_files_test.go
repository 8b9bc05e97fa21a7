package posix

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

var openBits = map[string]int{
	"rdonly": unix.O_RDONLY, "wronly": unix.O_WRONLY, "rdwr": unix.O_RDWR, "creat": unix.O_CREAT, "excl": unix.O_EXCL,
	"trunc": unix.O_TRUNC, "append": unix.O_APPEND, "directory": unix.O_DIRECTORY, "nofollow": unix.O_NOFOLLOW,
	"path": unix.O_PATH, "tmpfile": unix.O_TMPFILE, "direct": unix.O_DIRECT, "nonblock": unix.O_NONBLOCK,
	"noatime": unix.O_NOATIME, "sync": unix.O_SYNC, "dsync": unix.O_DSYNC, "both": 3,
}

var rwBits = map[string]int{"append": unix.RWF_APPEND, "dsync": unix.RWF_DSYNC, "sync": unix.RWF_SYNC,
	"nowait": unix.RWF_NOWAIT, "hipri": unix.RWF_HIPRI, "bad": 1 << 20}

var resolveBits = map[string]int{"beneath": unix.RESOLVE_BENEATH, "inroot": unix.RESOLVE_IN_ROOT, "nosymlinks": unix.RESOLVE_NO_SYMLINKS,
	"nomagiclinks": unix.RESOLVE_NO_MAGICLINKS, "noxdev": unix.RESOLVE_NO_XDEV, "bad": 1 << 20}

// What opens, reads and writes files.
var fileCalls = map[string]call{
	"open": func(p *process, a args) (string, error) {
		w := p.place(a[1])
		fd, err := unix.Openat(w.dir, w.path, bits(a.at(2), openBits)|unix.O_CLOEXEC, mode(a.at(3), 0o644))
		if err == nil {
			p.fds[a[0]] = fd
		}
		return "", err
	},
	"close": func(p *process, a args) (string, error) {
		fd := p.fd(a[0])
		delete(p.fds, a[0])
		return "", unix.Close(fd)
	},
	"dup": func(p *process, a args) (string, error) {
		fd, err := unix.FcntlInt(uintptr(p.fd(a[0])), unix.F_DUPFD_CLOEXEC, 0)
		p.fds[a[1]] = fd
		return "", err
	},
	"getfl": func(p *process, a args) (string, error) {
		fl, err := unix.FcntlInt(uintptr(p.fd(a[0])), unix.F_GETFL, 0)
		return fmt.Sprintf("%o", fl&^unix.O_LARGEFILE&^0o100000), err
	},
	"setfl": func(p *process, a args) (string, error) {
		_, err := unix.FcntlInt(uintptr(p.fd(a[0])), unix.F_SETFL, bits(a[1], openBits))
		return "", err
	},
	"read": func(p *process, a args) (string, error) {
		buf := aligned(int(number(a[1])))
		n, err := unix.Read(p.fd(a[0]), buf)
		return text(buf[:max(n, 0)]), err
	},
	"pread": func(p *process, a args) (string, error) {
		buf := aligned(int(number(a[1])))
		n, err := unix.Pread(p.fd(a[0]), buf, number(a[2]))
		return text(buf[:max(n, 0)]), err
	},
	"write": func(p *process, a args) (string, error) {
		n, err := unix.Write(p.fd(a[0]), alignedText(a.at(1)))
		return fmt.Sprint(n), err
	},
	"pwrite": func(p *process, a args) (string, error) {
		n, err := unix.Pwrite(p.fd(a[0]), alignedText(a[1]), number(a[2]))
		return fmt.Sprint(n), err
	},
	"readv": func(p *process, a args) (string, error) {
		b, c := make([]byte, number(a[1])), make([]byte, number(a[2]))
		n, err := unix.Preadv(p.fd(a[0]), [][]byte{b, c}, number(a[3]))
		return fmt.Sprintf("%d %s %s", n, text(b), text(c)), err
	},
	"writev": func(p *process, a args) (string, error) {
		n, err := unix.Pwritev(p.fd(a[0]), [][]byte{[]byte(a[1]), []byte(a[2])}, number(a[3]))
		return fmt.Sprint(n), err
	},
	"pwrite2": func(p *process, a args) (string, error) {
		n, err := unix.Pwritev2(p.fd(a[0]), [][]byte{[]byte(a[1])}, number(a[2]), bits(a[3], rwBits))
		return fmt.Sprint(n), err
	},
	"pread2": func(p *process, a args) (string, error) {
		buf := make([]byte, number(a[1]))
		n, err := unix.Preadv2(p.fd(a[0]), [][]byte{buf}, number(a[2]), bits(a[3], rwBits))
		return text(buf[:max(n, 0)]), err
	},
	// writebad and readbad have so many bytes of memory, then an address that is none, then more memory.
	"writebad": func(p *process, a args) (string, error) {
		n, err := vectors(unix.SYS_PWRITEV, p.fd(a[0]), int(number(a[1])), number(a[2]))
		return fmt.Sprint(n), err
	},
	"readbad": func(p *process, a args) (string, error) {
		n, err := vectors(unix.SYS_PREADV, p.fd(a[0]), int(number(a[1])), number(a[2]))
		return fmt.Sprint(n), err
	},
	// many has one piece of memory more than a call may have.
	"many": func(p *process, a args) (string, error) {
		n, err := unix.Pwritev(p.fd(a[0]), slices.Repeat([][]byte{{'x'}}, int(number(a[1]))), 0)
		return fmt.Sprint(n), err
	},
	"openat2": func(p *process, a args) (string, error) {
		w := p.place(a[1])
		how := unix.OpenHow{Flags: uint64(bits(a[2], openBits) | unix.O_CLOEXEC), Resolve: uint64(bits(a.at(3), resolveBits))}
		if a.at(4) != "" {
			how.Mode = uint64(mode(a[4], 0))
		}
		fd, err := unix.Openat2(w.dir, w.path, &how)
		if err == nil {
			p.fds[a[0]] = fd
		}
		return "", err
	},
	// unread is how many bytes are left to read.
	"unread": func(p *process, a args) (string, error) {
		n, err := unix.IoctlGetInt(p.fd(a[0]), unix.TIOCINQ)
		return fmt.Sprint(n), err
	},
	"seek": func(p *process, a args) (string, error) {
		whence, known := map[string]int{"set": unix.SEEK_SET, "cur": unix.SEEK_CUR, "end": unix.SEEK_END,
			"data": unix.SEEK_DATA, "hole": unix.SEEK_HOLE}[a[2]]
		if !known {
			whence = 99
		}
		n, err := unix.Seek(p.fd(a[0]), number(a[1]), whence)
		return fmt.Sprint(n), err
	},
	"fsync":     func(p *process, a args) (string, error) { return "", unix.Fsync(p.fd(a[0])) },
	"fdatasync": func(p *process, a args) (string, error) { return "", unix.Fdatasync(p.fd(a[0])) },
	"syncfs":    func(p *process, a args) (string, error) { return "", unix.Syncfs(p.fd(a[0])) },
	"syncrange": func(p *process, a args) (string, error) {
		return "", unix.SyncFileRange(p.fd(a[0]), number(a[1]), number(a[2]), unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
	},
	"advise": func(p *process, a args) (string, error) {
		return "", unix.Fadvise(p.fd(a[0]), 0, 0, map[string]int{"dontneed": unix.FADV_DONTNEED, "willneed": unix.FADV_WILLNEED}[a[1]])
	},
	"readahead": func(p *process, a args) (string, error) {
		_, _, errno := unix.Syscall(unix.SYS_READAHEAD, uintptr(p.fd(a[0])), uintptr(number(a[1])), uintptr(number(a[2])))
		return "", errnoOrNil(errno)
	},
	// put writes a file as a whole, cat reads one.
	"put": func(p *process, a args) (string, error) {
		w := p.place(a[0])
		fd, err := unix.Openat(w.dir, w.path, unix.O_CREAT|unix.O_TRUNC|unix.O_WRONLY|unix.O_CLOEXEC, mode(a.at(2), 0o644))
		if err != nil {
			return "", err
		}
		defer unix.Close(fd)
		if a.at(1) != "" {
			_, err = unix.Write(fd, []byte(a[1]))
		}
		return "", err
	},
	"cat": func(p *process, a args) (string, error) {
		w := p.place(a[0])
		fd, err := unix.Openat(w.dir, w.path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return "", err
		}
		defer unix.Close(fd)
		var all []byte
		for buf := make([]byte, 1<<16); ; {
			n, err := unix.Read(fd, buf)
			if n <= 0 {
				return text(all), err
			}
			all = append(all, buf[:n]...)
		}
	},
	// copyin copies a program of the system.
	"copyin": func(p *process, a args) (string, error) {
		b, err := os.ReadFile(a[0])
		if err == nil {
			err = os.WriteFile(a[1], b, 0o755)
		}
		if err == nil {
			err = os.Chmod(a[1], 0o755)
		}
		return "", err
	},
	"fsize": func(p *process, a args) (string, error) { return "", p.limit(uint64(number(a[0]))) },
	// xfsz waits for the signal that says a file would be too large.
	"xfsz": func(p *process, a args) (string, error) {
		return "", until(func() bool { return p.signals.Load() > 0 })
	},
}

// vectors reads or writes with three pieces of memory, of which the second is none.
func vectors(nr uintptr, fd, size int, off int64) (int, error) {
	good := alignedText(strings.Repeat("v", size))
	v := []unix.Iovec{{Base: &good[0], Len: uint64(size)}, {Len: uint64(size)}, {Base: &good[0], Len: uint64(size)}}
	n, _, errno := unix.Syscall6(nr, uintptr(fd), addressOf(&v[0]), 3, uintptr(off), 0, 0)
	return int(n), errnoOrNil(errno)
}

// text is what was read, in a form that stays short.
func text(b []byte) string {
	const most = 80
	if len(b) > most {
		return fmt.Sprintf("%d bytes %08x", len(b), crc32.ChecksumIEEE(b))
	}
	return fmt.Sprintf("%q", b)
}

// aligned is memory that direct I/O can use.
func aligned(n int) []byte {
	const page = 4096
	b := make([]byte, n+page)
	off := (page - int(addressOf(&b[0]))%page) % page
	return b[off : off+n]
}

func alignedText(s string) []byte {
	b := aligned(len(s))
	copy(b, s)
	return b
}

func addressOf[T any](t *T) uintptr { return uintptr(unsafe.Pointer(t)) }

func errnoOrNil(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}

func errnoOf(err error) error {
	var e syscall.Errno
	if errors.As(err, &e) {
		return e
	}
	return err
}
