package backing

import (
	"golang.org/x/sys/unix"

	"syncfs/journal/signature"
	"syncfs/journal/step"
)

// PlaceAt is Place at an open directory.
func (f *Folder) PlaceAt(staged string, at At, old signature.Signature) (step.Stat, error) {
	from := At{Dir: f.staging, Name: staged}
	err := allowed(func() error {
		if old == (signature.Signature{}) {
			return claim(from, at)
		}
		return f.replace(from, at, old)
	}, at.Dir)
	if err != nil {
		return step.Stat{}, err
	}
	return at.stat()
}

// claim renames to a name that must be free.
func claim(from, to At) error {
	err := unix.Renameat2(from.Dir, from.Name, to.Dir, to.Name, unix.RENAME_NOREPLACE)
	if err == unix.EEXIST {
		return step.ErrChanged
	}
	return err
}

// replace exchanges and moves to trash what came out.
func (f *Folder) replace(from, at At, old signature.Signature) error {
	was, err := at.expect(old)
	if err != nil {
		return err
	}
	if was.Kind == step.Dir {
		return unix.EISDIR
	}
	if st, err := from.stat(); err != nil {
		return err
	} else if st.Kind == step.Dir {
		return unix.ENOTDIR
	}
	if err := exchange(from, at); err != nil {
		return err
	}
	out, err := from.stat()
	if err == nil {
		// The exchange itself gives a new ctime.
		out.Signature.CTime = old.CTime
		if out.Signature != old {
			err = step.ErrChanged
		} else {
			err = f.discard(from, at.Path)
		}
	}
	if err != nil {
		if e := exchange(from, at); e != nil {
			return e
		}
	}
	return err
}

func exchange(a, b At) error {
	return unix.Renameat2(a.Dir, a.Name, b.Dir, b.Name, unix.RENAME_EXCHANGE)
}

// MoveAt is Move between open directories.
func (f *Folder) MoveAt(from, to At, sig signature.Signature) (step.Stat, error) {
	st, err := from.expect(sig)
	if err != nil {
		return step.Stat{}, err
	}
	lend := []int{from.Dir, to.Dir}
	if st.Kind == step.Dir {
		// To change its ".." a directory must be writable itself.
		fd, err := unix.Openat(from.Dir, from.Name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return step.Stat{}, err
		}
		defer unix.Close(fd)
		lend = append(lend, fd)
	}
	if err := allowed(func() error { return claim(from, to) }, lend...); err != nil {
		return step.Stat{}, err
	}
	return to.stat()
}

// RemoveAt is Remove at an open directory.
func (f *Folder) RemoveAt(at At, sig signature.Signature) error {
	st, err := at.expect(sig)
	if err != nil {
		return err
	}
	return allowed(func() error {
		if st.Kind == step.Dir {
			return unix.Unlinkat(at.Dir, at.Name, unix.AT_REMOVEDIR)
		}
		return f.discard(at, at.Path)
	}, at.Dir)
}

// allowed calls fn. If a mode forbids it, fn is called again while the owner may write to what the
// descriptors stand for.
func allowed(fn func() error, lend ...int) error {
	err := fn()
	if err != unix.EACCES {
		return err
	}
	for _, fd := range lend {
		var st unix.Stat_t
		if e := unix.Fstat(fd, &st); e != nil {
			return e
		}
		mode, need := st.Mode&0o7777, uint32(0o200)
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			need = 0o300
		}
		if mode&need == need {
			continue
		}
		if e := unix.Chmod(Self(fd), mode|need); e != nil {
			return err
		}
		defer unix.Chmod(Self(fd), mode)
	}
	return fn()
}
