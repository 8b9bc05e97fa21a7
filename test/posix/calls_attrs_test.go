package posix

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// What reads and sets attributes.
var attrCalls = map[string]call{
	"chmod": func(p *process, a args) (string, error) {
		w, m := p.place(a[0]), mode(a[1], 0)
		if w.open {
			return "", unix.Fchmod(w.dir, m)
		}
		return "", unix.Fchmodat(w.dir, w.path, m, bits(a.at(2), atBits))
	},
	"chown": func(p *process, a args) (string, error) { return "", p.chown(a, 0) },
	"lchown": func(p *process, a args) (string, error) {
		return "", p.chown(a, unix.AT_SYMLINK_NOFOLLOW)
	},
	"stat":  func(p *process, a args) (string, error) { return p.stat(a, 0) },
	"lstat": func(p *process, a args) (string, error) { return p.stat(a, unix.AT_SYMLINK_NOFOLLOW) },
	// same says whether two paths are of one file.
	"same": func(p *process, a args) (string, error) {
		var st [2]unix.Stat_t
		for i := range st {
			if err := p.statAt(a[i], unix.AT_SYMLINK_NOFOLLOW, &st[i]); err != nil {
				return "", err
			}
		}
		if st[0].Dev == st[1].Dev && st[0].Ino == st[1].Ino {
			return "yes", nil
		}
		return "no", nil
	},
	// keepino remembers an inode number, hasino says whether it is that still.
	"keepino": func(p *process, a args) (string, error) {
		var st unix.Stat_t
		err := p.statAt(a[1], unix.AT_SYMLINK_NOFOLLOW, &st)
		p.inodes[a[0]] = st.Ino
		return "", err
	},
	"hasino": func(p *process, a args) (string, error) {
		var st unix.Stat_t
		err := p.statAt(a[1], unix.AT_SYMLINK_NOFOLLOW, &st)
		return fmt.Sprint(p.inodes[a[0]] == st.Ino), err
	},
	"statx": func(p *process, a args) (string, error) {
		w := p.place(a[0])
		var sx unix.Statx_t
		flags := bits(a.at(1), atBits)
		if w.open {
			flags |= unix.AT_EMPTY_PATH
		}
		if err := unix.Statx(w.dir, w.path, flags, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &sx); err != nil {
			return "", err
		}
		said := []string{fmt.Sprintf("%o %d", sx.Mode, sx.Size)}
		if sx.Mask&unix.STATX_BTIME != 0 {
			said = append(said, "btime")
			if sx.Btime.Sec == 0 {
				said = append(said, "zero")
			}
		}
		return strings.Join(said, " "), nil
	},
	"access": func(p *process, a args) (string, error) {
		w := p.place(a[0])
		how := uint32(bits(a[1], map[string]int{"f": 0, "r": unix.R_OK, "w": unix.W_OK, "x": unix.X_OK, "bad": 64}))
		if a.at(2) == "" {
			return "", unix.Faccessat(w.dir, w.path, how, 0)
		}
		return "", unix.Faccessat2(w.dir, w.path, how, bits(a[2], atBits))
	},
	"statfs": func(p *process, a args) (string, error) {
		var st unix.Statfs_t
		var err error
		if w := p.place(a[0]); w.open {
			err = unix.Fstatfs(w.dir, &st)
		} else {
			err = unix.Statfs(w.byPath(), &st)
		}
		const flags = unix.ST_RDONLY | unix.ST_NOEXEC
		return fmt.Sprintf("bsize %d frsize %d namelen %d blocks %d files %d flags %x", st.Bsize, st.Frsize, st.Namelen,
			st.Blocks, st.Files, st.Flags&flags), err
	},
	"pathconf": func(p *process, a args) (string, error) {
		var st unix.Statfs_t
		err := unix.Statfs(a[0], &st)
		return fmt.Sprint(st.Namelen), err
	},
	"getflags": func(p *process, a args) (string, error) {
		n, err := unix.IoctlGetUint32(p.fd(a[0]), unix.FS_IOC_GETFLAGS)
		return fmt.Sprint(n&0x30 != 0), err
	},
}

var atBits = map[string]int{"nofollow": unix.AT_SYMLINK_NOFOLLOW, "empty": unix.AT_EMPTY_PATH, "eaccess": unix.AT_EACCESS,
	"bad": 1 << 30}

func (p *process) chown(a args, flags int) error {
	w := p.place(a[0])
	if w.open {
		return unix.Fchown(w.dir, p.user(a[1]), p.group(a[2]))
	}
	return unix.Fchownat(w.dir, w.path, p.user(a[1]), p.group(a[2]), flags|bits(a.at(3), atBits))
}

func (p *process) statAt(path string, flags int, st *unix.Stat_t) error {
	if w := p.place(path); !w.open {
		return unix.Fstatat(w.dir, w.path, st, flags)
	} else {
		return unix.Fstat(w.dir, st)
	}
}

// stat says the attributes asked for, or most; those of a directory's size are the filesystem's own.
func (p *process) stat(a args, flags int) (string, error) {
	var st unix.Stat_t
	if err := p.statAt(a[0], flags, &st); err != nil {
		return "", err
	}
	fields := a.at(1)
	if fields == "" {
		fields = "type,mode,uid,gid,nlink,size"
	}
	var said []string
	for _, field := range strings.Split(fields, ",") {
		switch field {
		case "type":
			said = append(said, kindName(st.Mode))
		case "mode":
			said = append(said, fmt.Sprintf("%04o", st.Mode&0o7777))
		case "uid":
			said = append(said, p.userName(st.Uid))
		case "gid":
			said = append(said, p.groupName(st.Gid))
		case "nlink":
			said = append(said, fmt.Sprint(st.Nlink))
		case "size":
			if st.Mode&unix.S_IFMT == unix.S_IFDIR {
				said = append(said, "-")
			} else {
				said = append(said, fmt.Sprint(st.Size))
			}
		case "blocks":
			said = append(said, fmt.Sprint(st.Blocks))
		case "blksize":
			said = append(said, fmt.Sprint(st.Blksize))
		case "rdev":
			said = append(said, fmt.Sprintf("%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev)))
		case "atime":
			said = append(said, stamp(st.Atim))
		case "mtime":
			said = append(said, stamp(st.Mtim))
		default:
			panic("no such field: " + field)
		}
	}
	return strings.Join(said, " "), nil
}

func kindName(mode uint32) string {
	for name, kind := range kinds {
		if kind == mode&unix.S_IFMT {
			return name
		}
	}
	return fmt.Sprintf("%o", mode&unix.S_IFMT)
}

func stamp(t unix.Timespec) string { return fmt.Sprintf("%d.%09d", t.Sec, t.Nsec) }
