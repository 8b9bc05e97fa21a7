package backing

import (
	"os"

	"golang.org/x/sys/unix"
)

// Own gives what is staged to the owner and group of the file that is at path: these are local, so what a step
// replaces hands them on. What is new is the folder's owner's. An ordinary user can give away no more than the group.
func (f *Folder) Own(staged, path string) error {
	return f.at("own", path, func(at At) error {
		var was, is unix.Stat_t
		there := &was
		err := unix.Fstatat(at.Dir, at.Name, &was, unix.AT_SYMLINK_NOFOLLOW)
		if err == unix.ENOENT {
			there, err = nil, nil
		}
		if err == nil {
			err = unix.Fstatat(f.staging, staged, &is, unix.AT_SYMLINK_NOFOLLOW)
		}
		if err != nil {
			return err
		}
		return f.OwnAs(staged, &is, there)
	})
}

// OwnAs is Own of what is, to replace was; nil: nothing is there.
func (f *Folder) OwnAs(staged string, is, was *unix.Stat_t) error {
	if was == nil {
		was = new(unix.Stat_t)
		if err := unix.Fstat(f.root, was); err != nil {
			return err
		}
	}
	if was.Uid == is.Uid && was.Gid == is.Gid || is.Nlink > 1 && is.Mode&unix.S_IFMT == unix.S_IFREG {
		return nil // a further name of a file that is here has the owner of that
	}
	uid := int(was.Uid)
	if os.Geteuid() != 0 {
		uid = -1
	}
	err := unix.Fchownat(f.staging, staged, uid, int(was.Gid), unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.EPERM && uid < 0 {
		return nil
	}
	return err
}
