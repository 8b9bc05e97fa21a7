package backing

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"syncfs/journal/signature"
	"syncfs/journal/step"
)

// An At is a name in an open directory. Path, relative to the folder, names it where a step puts it away.
type At struct {
	Dir  int
	Name string
	Path string
	Open bool // a program has it open for writing
}

// Stat returns what st says of the entry of that name.
func Stat(name string, st *unix.Stat_t) step.Stat {
	return step.Stat{
		Name:  name,
		Kind:  kind(st.Mode),
		Mode:  st.Mode & 0o7777,
		Nlink: uint64(st.Nlink),
		UID:   st.Uid,
		GID:   st.Gid,
		Rdev:  uint64(st.Rdev),
		Signature: signature.Signature{
			Dir:   kind(st.Mode) == step.Dir,
			Dev:   uint64(st.Dev),
			Ino:   st.Ino,
			Size:  st.Size,
			MTime: signature.Nanoseconds(st.Mtim.Unix()),
			CTime: signature.Nanoseconds(st.Ctim.Unix()),
		},
	}
}

func kind(mode uint32) step.Kind {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return step.File
	case unix.S_IFDIR:
		return step.Dir
	case unix.S_IFLNK:
		return step.Symlink
	}
	return step.Other
}

func (at At) stat() (step.Stat, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(at.Dir, at.Name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return step.Stat{}, err
	}
	name := at.Name
	if name == "." {
		name = ""
	}
	return Stat(name, &st), nil
}

// Expect is the Stat of what is there, if it has the signature; of a directory dev and ino alone tell,
// since its times follow its entries.
func (at At) Expect(sig signature.Signature) (step.Stat, error) {
	st, err := at.stat()
	if err == unix.ENOENT {
		return st, step.ErrChanged
	}
	if err != nil {
		return st, err
	}
	have := st.Signature
	if st.Kind == step.Dir {
		have.Size, have.MTime, have.CTime = sig.Size, sig.MTime, sig.CTime
	}
	if have != sig {
		return st, step.ErrChanged
	}
	return st, nil
}

// Attr sets attributes of what is there, if it has the signature.
func (at At) Attr(sig signature.Signature, a step.Attr) (step.Stat, error) {
	if _, err := at.Expect(sig); err != nil {
		return step.Stat{}, err
	}
	if err := at.SetAttr(a); err != nil {
		return step.Stat{}, err
	}
	return at.stat()
}

// SetAttr sets attributes of what is there: mtime last, mode after the attributes that a read-only mode
// would forbid.
func (at At) SetAttr(a step.Attr) error {
	fd, err := unix.Openat(at.Dir, at.Name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	self := Self(fd)
	err = Lend(func() error {
		for name, value := range a.XAttrs {
			if err := setXAttr(self, name, value); err != nil {
				return err
			}
		}
		return nil
	}, fd)
	if err != nil {
		return err
	}
	if a.Mode != nil {
		if err := unix.Chmod(self, *a.Mode&0o7777); err != nil {
			return err
		}
	}
	if a.MTime != nil {
		ts := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(*a.MTime)}
		return unix.UtimesNanoAt(fd, "", ts, unix.AT_EMPTY_PATH)
	}
	return nil
}

func setXAttr(path, name string, value *string) error {
	if value != nil {
		return unix.Setxattr(path, name, []byte(*value), 0)
	}
	if err := unix.Removexattr(path, name); err != unix.ENODATA {
		return err
	}
	return nil
}

// Self is the path by which the calls that refuse an O_PATH descriptor reach what it stands for. It
// follows no symlink: the descriptor of a symlink stands for the symlink.
func Self(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

func (at At) xattrs() (map[string]string, error) {
	fd, err := unix.Openat(at.Dir, at.Name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	list, err := fill(func(buf []byte) (int, error) { return unix.Listxattr(Self(fd), buf) })
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all map[string]string
	for _, name := range strings.Split(string(list), "\x00") {
		if !strings.HasPrefix(name, "user.") {
			continue
		}
		value, err := fill(func(buf []byte) (int, error) { return unix.Getxattr(Self(fd), name, buf) })
		if err == unix.ENODATA {
			continue
		}
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = map[string]string{}
		}
		all[name] = string(value)
	}
	return all, nil
}

// fill calls get with a buffer large enough for its answer.
func fill(get func([]byte) (int, error)) ([]byte, error) {
	buf := make([]byte, 256)
	for {
		n, err := get(buf)
		if err == nil {
			return buf[:n], nil
		}
		if err != unix.ERANGE || len(buf) > 1<<20 {
			return nil, err
		}
		buf = make([]byte, 4*len(buf))
	}
}

// Readlinkat returns the whole target of a symlink.
func Readlinkat(dir int, name string) (string, error) {
	buf := make([]byte, 256)
	for {
		n, err := unix.Readlinkat(dir, name, buf)
		if err != nil {
			return "", err
		}
		if n < len(buf) {
			return string(buf[:n]), nil
		}
		buf = make([]byte, 4*len(buf))
	}
}
