package backing

import (
	"golang.org/x/sys/unix"

	"syncfs/journal/signature"
	"syncfs/journal/step"
)

// PlaceAt is Place at an open directory. It tells where what was there is kept.
func (f *Folder) PlaceAt(staged string, at At, old signature.Signature) (st step.Stat, k Kept, err error) {
	from := At{Dir: f.staging, Name: staged}
	err = Lend(func() (err error) {
		if old == (signature.Signature{}) {
			return claim(from, at)
		}
		k, err = f.replace(from, at, old)
		return err
	}, at.Dir)
	if err == nil {
		st, err = at.stat()
	}
	return st, k, err
}

// Rename is rename(2).
func Rename(from, to At) error {
	return lendFor(from, to, func() error { return unix.Renameat(from.Dir, from.Name, to.Dir, to.Name) })
}

// Unlink is unlinkat(2).
func Unlink(at At, flags int) error {
	return Lend(func() error { return unix.Unlinkat(at.Dir, at.Name, flags) }, at.Dir)
}

// claim renames to a name that must be free.
func claim(from, to At) error {
	err := unix.Renameat2(from.Dir, from.Name, to.Dir, to.Name, unix.RENAME_NOREPLACE)
	if err == unix.EEXIST {
		return step.ErrChanged
	}
	return err
}

// replace exchanges and puts away what came out.
func (f *Folder) replace(from, at At, old signature.Signature) (Kept, error) {
	was, err := at.Expect(old)
	if err != nil {
		return Kept{}, err
	}
	if was.Kind == step.Dir {
		return Kept{}, unix.EISDIR
	}
	if st, err := from.stat(); err != nil {
		return Kept{}, err
	} else if st.Kind == step.Dir {
		return Kept{}, unix.ENOTDIR
	}
	if err := exchange(from, at); err != nil {
		return Kept{}, err
	}
	var k Kept
	out, err := from.stat()
	if err == nil {
		// The exchange itself gives a new ctime.
		out.Signature.CTime = old.CTime
		if out.Signature != old {
			err = step.ErrChanged
		} else {
			k, err = f.keep(from, at)
		}
	}
	if err != nil {
		if e := exchange(from, at); e != nil {
			return Kept{}, e
		}
	}
	return k, err
}

func exchange(a, b At) error {
	return unix.Renameat2(a.Dir, a.Name, b.Dir, b.Name, unix.RENAME_EXCHANGE)
}

// MoveAt is Move between open directories.
func (f *Folder) MoveAt(from, to At, sig signature.Signature) (step.Stat, error) {
	if _, err := from.Expect(sig); err != nil {
		return step.Stat{}, err
	}
	if err := lendFor(from, to, func() error { return claim(from, to) }); err != nil {
		return step.Stat{}, err
	}
	return to.stat()
}

// ExchangeAt is Exchange between open directories.
func (f *Folder) ExchangeAt(from, to At, sig, other signature.Signature) (there, back step.Stat, err error) {
	if _, err = from.Expect(sig); err != nil {
		return there, back, err
	}
	if _, err = to.Expect(other); err != nil {
		return there, back, err
	}
	if err = Exchange(from, to); err != nil {
		return there, back, err
	}
	if there, err = to.stat(); err == nil {
		back, err = from.stat()
	}
	return there, back, err
}

// Exchange is renameat2(2) with RENAME_EXCHANGE.
func Exchange(a, b At) error {
	return lendFor(a, b, func() error { return exchange(a, b) })
}

// lendFor is Lend for a rename. To change its ".." a directory must be writable itself.
func lendFor(from, to At, fn func() error) error {
	err := fn()
	if err != unix.EACCES {
		return err
	}
	lend := []int{from.Dir, to.Dir}
	for _, at := range []At{from, to} {
		fd, err := unix.Openat(at.Dir, at.Name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err == nil {
			defer unix.Close(fd)
			lend = append(lend, fd)
		}
	}
	return Lend(fn, lend...)
}

// RemoveAt is Remove at an open directory. It tells where what was there is kept.
func (f *Folder) RemoveAt(at At, sig signature.Signature) (k Kept, err error) {
	st, err := at.Expect(sig)
	if err != nil {
		return Kept{}, err
	}
	err = Lend(func() (err error) {
		if st.Kind == step.Dir {
			return unix.Unlinkat(at.Dir, at.Name, unix.AT_REMOVEDIR)
		}
		k, err = f.keep(at, at)
		return err
	}, at.Dir)
	return k, err
}

// Lend calls fn. If a mode forbids what fn does, fn is called again while the owner may write to what the
// descriptors stand for.
func Lend(fn func() error, lend ...int) error {
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
