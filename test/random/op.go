package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"

	"golang.org/x/sys/unix"
)

// An op is one thing to do in a tree: the same in every tree, as often as it is done.
type op struct {
	kind *kind
	a, b string // paths
	n    int
	data []byte
}

// A kind of operation: what it does to paths below a root, and which errors others who work there explain.
// What it returns is what it tells of the tree.
type kind struct {
	name   string
	weight int
	do     func(root string, o op) (string, error)
	errs   []unix.Errno
}

func (o op) String() string { return fmt.Sprintf("%s %s %s %#o", o.kind.name, o.a, o.b, o.n) }

// onTheWay are the errors of a path whose names are taken, given up or made symlinks at any time.
var onTheWay = []unix.Errno{unix.ENOENT, unix.ENOTDIR, unix.ELOOP}

var allKinds = []*kind{
	{"mkdir", 6, mkdir, []unix.Errno{unix.EEXIST}},
	{"create", 6, create, []unix.Errno{unix.EEXIST, unix.EISDIR}},
	{"write", 6, write, []unix.Errno{unix.EISDIR}},
	{"append", 3, appendTo, []unix.Errno{unix.EISDIR}},
	{"read", 4, read, []unix.Errno{unix.EISDIR}},
	{"truncate", 3, truncate, []unix.Errno{unix.EISDIR}},
	{"rename", 8, rename, []unix.Errno{unix.EINVAL, unix.ENOTEMPTY, unix.EEXIST, unix.EISDIR}},
	{"exchange", 3, exchange, []unix.Errno{unix.EINVAL, unix.ENOTEMPTY}},
	{"rename-noreplace", 3, noreplace, []unix.Errno{unix.EINVAL, unix.EEXIST}},
	{"link", 3, link, []unix.Errno{unix.EEXIST, unix.EPERM}},
	{"symlink", 3, symlink, []unix.Errno{unix.EEXIST}},
	{"readlink", 2, readlink, []unix.Errno{unix.EINVAL}},
	{"unlink", 5, unlink, []unix.Errno{unix.EISDIR}},
	{"rmdir", 4, rmdir, []unix.Errno{unix.ENOTEMPTY}},
	{"chmod", 3, chmod, nil},
	{"utimes", 3, utimes, nil},
	{"setxattr", 3, setxattr, nil},
	{"removexattr", 1, removexattr, []unix.Errno{unix.ENODATA}},
	{"listxattr", 2, listxattr, nil},
	{"readdir", 4, readdir, nil},
	{"stat", 4, stat, nil},
	{"lstat", 4, lstat, nil},
}

// explained says whether others who work in the tree explain an error.
func (o op) explained(err error) bool {
	errno, ok := err.(unix.Errno)
	return ok && (slices.Contains(onTheWay, errno) || slices.Contains(o.kind.errs, errno))
}

// kinds are those of a task.
func (k task) kinds() []*kind {
	without := strings.Split(k.without, ",")
	return slices.DeleteFunc(slices.Clone(allKinds), func(k *kind) bool { return slices.Contains(without, k.name) })
}

// next is what a thread does next.
func (s source) next(kinds []*kind) op {
	all := 0
	for _, k := range kinds {
		all += k.weight
	}
	at := s.IntN(all)
	for _, k := range kinds {
		if at -= k.weight; at < 0 {
			return op{k, s.path(), s.path(), s.IntN(1 << 12), s.data(s.IntN(1 << s.IntN(13)))}
		}
	}
	panic("unreachable")
}

// path is one of few, up to three deep.
func (s source) path() string {
	names := make([]string, 1+s.IntN(3))
	for i := range names {
		names[i] = string(rune('a' + s.IntN(5)))
	}
	return strings.Join(names, "/")
}

// open opens the file of an operation, has fn work with it and closes it.
func open(path string, flags int, mode uint32, fn func(fd int) error) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, mode)
	for err == unix.EINTR {
		fd, err = unix.Open(path, flags|unix.O_CLOEXEC, mode)
	}
	if err != nil {
		return err
	}
	if err := fn(fd); err != nil {
		unix.Close(fd)
		return err
	}
	return unix.Close(fd)
}

func put(path string, flags int, o op) (string, error) {
	return "", open(path, flags, uint32(0o600|o.n&0o077), func(fd int) error {
		_, err := unix.Write(fd, o.data)
		return err
	})
}

func mkdir(root string, o op) (string, error) {
	return "", unix.Mkdir(root+o.a, uint32(0o700|o.n&0o077))
}

func create(root string, o op) (string, error) {
	return put(root+o.a, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, o)
}

func write(root string, o op) (string, error) {
	return put(root+o.a, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC, o)
}

func appendTo(root string, o op) (string, error) {
	return put(root+o.a, unix.O_WRONLY|unix.O_APPEND, o)
}

func read(root string, o op) (sum string, err error) {
	err = open(root+o.a, unix.O_RDONLY, 0, func(fd int) error {
		var all []byte
		buf := make([]byte, 1<<13)
		for {
			n, err := unix.Read(fd, buf)
			if n <= 0 {
				sum = digest(all)
				return err
			}
			all = append(all, buf[:n]...)
		}
	})
	return sum, err
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return fmt.Sprintf("%d %x", len(b), sum[:8])
}

func truncate(root string, o op) (string, error) { return "", unix.Truncate(root+o.a, int64(o.n)) }

func renameat2(root string, o op, flags uint) (string, error) {
	return "", unix.Renameat2(unix.AT_FDCWD, root+o.a, unix.AT_FDCWD, root+o.b, flags)
}

func rename(root string, o op) (string, error)   { return "", unix.Rename(root+o.a, root+o.b) }
func exchange(root string, o op) (string, error) { return renameat2(root, o, unix.RENAME_EXCHANGE) }
func noreplace(root string, o op) (string, error) {
	return renameat2(root, o, unix.RENAME_NOREPLACE)
}

func link(root string, o op) (string, error)    { return "", unix.Link(root+o.a, root+o.b) }
func symlink(root string, o op) (string, error) { return "", unix.Symlink(o.b, root+o.a) }
func unlink(root string, o op) (string, error)  { return "", unix.Unlink(root + o.a) }
func rmdir(root string, o op) (string, error)   { return "", unix.Rmdir(root + o.a) }

func readlink(root string, o op) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlink(root+o.a, buf)
	return string(buf[:max(n, 0)]), err
}

// chmod leaves the owner all that the other operations need.
func chmod(root string, o op) (string, error) {
	return "", unix.Chmod(root+o.a, uint32(0o700|o.n&0o077))
}

func utimes(root string, o op) (string, error) {
	at := unix.Timespec{Sec: 1e9 + int64(o.n), Nsec: int64(o.n) * 1e5}
	return "", unix.UtimesNanoAt(unix.AT_FDCWD, root+o.a, []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW)
}

func attribute(o op) string { return "user." + string(rune('a'+o.n%3)) }

func setxattr(root string, o op) (string, error) {
	return "", unix.Setxattr(root+o.a, attribute(o), o.data[:min(len(o.data), 200)], 0)
}

func removexattr(root string, o op) (string, error) {
	return "", unix.Removexattr(root+o.a, attribute(o))
}

func listxattr(root string, o op) (string, error) {
	return xattrs(root+o.a, unix.Listxattr, unix.Getxattr)
}

// xattrs are the user's attributes in order, each with a digest of its value.
func xattrs(path string, list func(string, []byte) (int, error), get func(string, string, []byte) (int, error)) (string, error) {
	names := make([]byte, 1<<12)
	n, err := list(path, names)
	if err != nil {
		return "", err
	}
	var all []string
	for name := range strings.SplitSeq(string(names[:n]), "\x00") {
		if !strings.HasPrefix(name, "user.") {
			continue
		}
		value := make([]byte, 1<<12)
		switch n, err := get(path, name, value); err {
		case nil:
			all = append(all, name+"="+digest(value[:n]))
		case unix.ENODATA: // removed meanwhile
		default:
			return "", err
		}
	}
	sort.Strings(all)
	return strings.Join(all, " "), nil
}

func readdir(root string, o op) (string, error) {
	dir, err := os.Open(root + o.a)
	if err != nil {
		return "", errno(err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	sort.Strings(names)
	return strings.Join(names, " "), errno(err)
}

// errno is what the system answered.
func errno(err error) error {
	switch e := err.(type) {
	case *os.PathError:
		return e.Err
	case *os.SyscallError:
		return e.Err
	}
	return err
}

func stat(root string, o op) (string, error)  { return tell(root+o.a, unix.Stat) }
func lstat(root string, o op) (string, error) { return tell(root+o.a, unix.Lstat) }

func tell(path string, call func(string, *unix.Stat_t) error) (string, error) {
	var st unix.Stat_t
	if err := call(path, &st); err != nil {
		return "", err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return fmt.Sprintf("%o, %d links", st.Mode, st.Nlink), nil
	}
	return fmt.Sprintf("%o, %d links, %d bytes", st.Mode, st.Nlink, st.Size), nil
}
