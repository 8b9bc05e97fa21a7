package posix

import (
	"fmt"
	"net"
	"strings"

	"golang.org/x/sys/unix"
)

// What makes, moves and removes names.
var nameCalls = map[string]call{
	"mkdir": func(p *process, a args) (string, error) {
		w := p.place(a[0])
		return "", unix.Mkdirat(w.dir, w.path, mode(a.at(1), 0o755))
	},
	"mknod": func(p *process, a args) (string, error) {
		w := p.place(a[0])
		return "", unix.Mknodat(w.dir, w.path, kinds[a[1]]|mode(a.at(2), 0o644), int(device(a.from(3))))
	},
	// make makes something of a kind, with mknod where there is no other way.
	"make": func(p *process, a args) (string, error) {
		w, m := p.place(a[1]), mode(a.at(2), 0o644)
		switch a[0] {
		case "reg":
			fd, err := unix.Openat(w.dir, w.path, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, m)
			if err == nil {
				unix.Close(fd)
			}
			return "", err
		case "dir":
			return "", unix.Mkdirat(w.dir, w.path, m)
		case "link":
			return "", unix.Symlinkat("target", w.dir, w.path)
		}
		return "", unix.Mknodat(w.dir, w.path, kinds[a[0]]|m, int(device([]string{"1", "3"})))
	},
	"link": func(p *process, a args) (string, error) {
		from, to := p.place(a[0]), p.place(a[1])
		flags := bits(a.at(2), map[string]int{"follow": unix.AT_SYMLINK_FOLLOW, "empty": unix.AT_EMPTY_PATH, "bad": 1 << 30})
		return "", unix.Linkat(from.dir, from.path, to.dir, to.path, flags)
	},
	"symlink": func(p *process, a args) (string, error) {
		w := p.place(a[1])
		return "", unix.Symlinkat(a[0], w.dir, w.path)
	},
	"readlink": func(p *process, a args) (string, error) {
		w, size := p.place(a[0]), 8192
		if a.at(1) != "" {
			size = int(number(a[1]))
		}
		buf := make([]byte, max(size, 1))
		n, err := unix.Readlinkat(w.dir, w.path, buf[:size])
		return text(buf[:max(n, 0)]), err
	},
	"unlink": func(p *process, a args) (string, error) {
		w := p.place(a[0])
		return "", unix.Unlinkat(w.dir, w.path, bits(a.at(1), map[string]int{"bad": 1 << 30}))
	},
	"rmdir": func(p *process, a args) (string, error) {
		w := p.place(a[0])
		return "", unix.Unlinkat(w.dir, w.path, unix.AT_REMOVEDIR)
	},
	"rename": func(p *process, a args) (string, error) {
		from, to := p.place(a[0]), p.place(a[1])
		if a.at(2) == "" {
			return "", unix.Renameat(from.dir, from.path, to.dir, to.path)
		}
		return "", unix.Renameat2(from.dir, from.path, to.dir, to.path, uint(bits(a[2], map[string]int{
			"noreplace": unix.RENAME_NOREPLACE, "exchange": unix.RENAME_EXCHANGE, "whiteout": unix.RENAME_WHITEOUT,
			"bad": 1 << 10})))
	},
	// parents makes the directories above a path.
	"parents": func(p *process, a args) (string, error) {
		dir, err := unix.Open(".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		for parts := strings.Split(a[0], "/"); err == nil && len(parts) > 1; parts = parts[1:] {
			if err = unix.Mkdirat(dir, parts[0], 0o777); err != nil && err != unix.EEXIST {
				break
			}
			below, e := unix.Openat(dir, parts[0], unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
			unix.Close(dir)
			dir, err = below, e
		}
		unix.Close(dir)
		return "", err
	},
	"chdir": func(p *process, a args) (string, error) {
		if w := p.place(a[0]); w.open {
			return "", unix.Fchdir(w.dir)
		}
		return "", unix.Chdir(p.place(a[0]).byPath())
	},
	// getcwd says how many of the last names of the working directory are as given.
	"getcwd": func(p *process, a args) (string, error) {
		buf := make([]byte, 1<<16)
		n, err := unix.Getcwd(buf)
		if err != nil {
			return "", err
		}
		if dir := string(buf[:n-1]); !strings.HasSuffix(dir, "/"+a[0]) {
			return fmt.Sprintf("ends in %q", dir[strings.LastIndexByte(dir, '/')+1:]), nil
		}
		return "", nil
	},
	"umask": func(p *process, a args) (string, error) {
		unix.Umask(int(mode(a[0], 0)))
		return "", nil
	},
	// bind makes a socket by listening at it; dial connects to one.
	"bind": func(p *process, a args) (string, error) {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return "", err
		}
		p.fds[a[0]] = fd
		if err := unix.Bind(fd, &unix.SockaddrUnix{Name: a[1]}); err != nil {
			return "", err
		}
		return "", unix.Listen(fd, 1)
	},
	"dial": func(p *process, a args) (string, error) {
		c, err := net.Dial("unix", a[0])
		if err != nil {
			return "", errnoOf(err)
		}
		return "", c.Close()
	},
	// fault makes a call with a path that is no address.
	"fault": func(p *process, a args) (string, error) {
		cwd := unix.AT_FDCWD
		var x = [...]byte{'x', 0}
		bad, good := ^uintptr(4095), addressOf(&x)
		numbers := map[string]uintptr{"mkdir": unix.SYS_MKDIRAT, "mknod": unix.SYS_MKNODAT, "unlink": unix.SYS_UNLINKAT,
			"open": unix.SYS_OPENAT, "chmod": unix.SYS_FCHMODAT}
		call := func(n uintptr, a ...uintptr) error {
			a = append(a, make([]uintptr, 6-len(a))...)
			_, _, errno := unix.Syscall6(n, a[0], a[1], a[2], a[3], a[4], a[5])
			if errno == 0 {
				return nil
			}
			return errno
		}
		switch a[0] {
		case "rename":
			return "", call(unix.SYS_RENAMEAT, uintptr(cwd), bad, uintptr(cwd), good)
		case "renameto":
			return "", call(unix.SYS_RENAMEAT, uintptr(cwd), good, uintptr(cwd), bad)
		case "link":
			return "", call(unix.SYS_LINKAT, uintptr(cwd), bad, uintptr(cwd), good, 0)
		case "symlink":
			return "", call(unix.SYS_SYMLINKAT, bad, uintptr(cwd), good)
		case "readlink":
			return "", call(unix.SYS_READLINKAT, uintptr(cwd), bad, good, 1)
		case "chown":
			return "", call(unix.SYS_FCHOWNAT, uintptr(cwd), bad, 0, 0, 0)
		case "truncate":
			return "", call(unix.SYS_TRUNCATE, bad, 0)
		case "stat":
			return "", call(unix.SYS_NEWFSTATAT, uintptr(cwd), bad, bad, 0)
		case "utimens":
			return "", call(unix.SYS_UTIMENSAT, uintptr(cwd), bad, 0, 0)
		case "read":
			return "", call(unix.SYS_READ, uintptr(p.fd(a[1])), bad, 10)
		case "write":
			return "", call(unix.SYS_WRITE, uintptr(p.fd(a[1])), bad, 10)
		case "getdents":
			return "", call(unix.SYS_GETDENTS64, uintptr(p.fd(a[1])), bad, 1000)
		}
		return "", call(numbers[a[0]], uintptr(cwd), bad, 0, 0)
	},
}

var kinds = map[string]uint32{"reg": unix.S_IFREG, "dir": unix.S_IFDIR, "fifo": unix.S_IFIFO, "sock": unix.S_IFSOCK,
	"char": unix.S_IFCHR, "block": unix.S_IFBLK, "link": unix.S_IFLNK, "none": 0, "bad": 0o170000}

func device(a args) uint64 {
	if len(a) < 2 {
		return 0
	}
	return unix.Mkdev(uint32(number(a[0])), uint32(number(a[1])))
}
