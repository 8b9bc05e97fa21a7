package backing

import (
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"syncfs/journal/signature"
	"syncfs/journal/step"
)

// Reserved is the directory in the folder that belongs to syncfs itself.
const Reserved = ".syncfs"

// A Folder is the folder underneath. Its methods may be called at once from several goroutines.
type Folder struct {
	path    string
	root    int // O_PATH, like the next three
	staging int
	trash   int
	open    int
}

// The directories in Reserved.
const (
	stagingDir = "staging"
	trashDir   = "trash"
	openDir    = "open"
)

// Open opens the folder at dir and makes what it needs in .syncfs.
func Open(dir string) (*Folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	f := &Folder{path: dir, root: -1, staging: -1, trash: -1, open: -1}
	if f.root, err = unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	for _, d := range []struct {
		fd   *int
		name string
	}{{&f.staging, stagingDir}, {&f.trash, trashDir}, {&f.open, openDir}} {
		if *d.fd, err = makeDirs(f.root, []string{Reserved, d.name}); err != nil {
			f.Close()
			return nil, &fs.PathError{Op: "open", Path: filepath.Join(dir, Reserved, d.name), Err: err}
		}
	}
	return f, nil
}

// Close gives the handles back. The Folder must not be used any more.
func (f *Folder) Close() error {
	for _, fd := range []*int{&f.root, &f.staging, &f.trash, &f.open} {
		if *fd >= 0 {
			unix.Close(*fd)
			*fd = -1
		}
	}
	return nil
}

// Path returns the absolute path that the folder was opened by.
func (f *Folder) Path() string { return f.path }

// Root returns the O_PATH descriptor of the folder.
func (f *Folder) Root() int { return f.root }

// Staging returns the O_PATH descriptor of .syncfs/staging.
func (f *Folder) Staging() int { return f.staging }

// Stat is lstat(2).
func (f *Folder) Stat(path string) (step.Stat, error) {
	var st step.Stat
	err := f.at("stat", path, func(at At) error {
		var err error
		st, err = at.stat()
		return err
	})
	return st, err
}

// List returns the entries of the directory at path, without . and .. and without .syncfs.
func (f *Folder) List(path string) ([]step.Stat, error) {
	var all []step.Stat
	err := f.dir("list", path, func(fd int) error {
		r, err := openUntold(fd, ".", unix.O_DIRECTORY)
		if err != nil {
			return err
		}
		d := os.NewFile(uintptr(r), path)
		defer d.Close()
		names, err := d.Readdirnames(-1)
		if err != nil {
			return err
		}
		for _, name := range names {
			if path == "" && name == Reserved {
				continue
			}
			st, err := At{Dir: fd, Name: name}.stat()
			if err == unix.ENOENT {
				continue // gone since the names were read
			}
			if err != nil {
				return err
			}
			all = append(all, st)
		}
		return nil
	})
	return all, err
}

// Open opens the regular file at path for reading.
func (f *Folder) Open(path string) (*os.File, error) {
	fd, _, err := f.openFile(path)
	if err != nil {
		return nil, pathError("open", path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// Read returns up to limit bytes at an offset of the regular file at path.
func (f *Folder) Read(path string, offset, limit int64) ([]byte, error) {
	fd, st, err := f.openFile(path)
	if err != nil {
		return nil, pathError("read", path, err)
	}
	defer unix.Close(fd)
	b := make([]byte, max(0, min(limit, st.Size-offset)))
	n, err := pread(fd, b, offset)
	return b[:n], pathError("read", path, err)
}

// pread fills b, or reads to the end of the file.
func pread(fd int, b []byte, offset int64) (n int, err error) {
	for n < len(b) {
		m, err := unix.Pread(fd, b[n:], offset+int64(n))
		switch {
		case err == unix.EINTR:
		case err != nil || m == 0:
			return n, err
		default:
			n += m
		}
	}
	return n, nil
}

func (f *Folder) openFile(path string) (int, *unix.Stat_t, error) {
	names, err := Split(path)
	if err != nil {
		return -1, nil, err
	}
	if len(names) == 0 {
		return -1, nil, unix.EINVAL
	}
	return walkTo(f.root, names)
}

// Readlink returns the target of the symlink at path.
func (f *Folder) Readlink(path string) (string, error) {
	var target string
	err := f.at("readlink", path, func(at At) error {
		var err error
		target, err = Readlinkat(at.Dir, at.Name)
		return err
	})
	return target, err
}

// XAttrs returns the user.* attributes of what is at path.
func (f *Folder) XAttrs(path string) (map[string]string, error) {
	var all map[string]string
	err := f.at("xattrs", path, func(at At) error {
		var err error
		all, err = at.xattrs()
		return err
	})
	return all, err
}

// Place puts the file, symlink or empty directory that is in staging under the name staged at path. The
// zero signature stands for a path that is free.
func (f *Folder) Place(staged, path string, old signature.Signature) (step.Stat, uint64, error) {
	if err := f.Own(staged, path); err != nil {
		return step.Stat{}, 0, err
	}
	var st step.Stat
	err := f.at("place", path, func(at At) error {
		var err error
		st, _, err = f.PlaceAt(staged, at, old)
		return err
	})
	return st, 0, err
}

// Move renames what is at from, which must be free at to.
func (f *Folder) Move(from, to string, sig signature.Signature) (step.Stat, uint64, error) {
	var st step.Stat
	err := f.at("move", from, func(a At) error {
		return f.at("move", to, func(b At) error {
			var err error
			st, err = f.MoveAt(a, b, sig)
			return err
		})
	})
	return st, 0, err
}

// Exchange has what is at from and what is at to change places.
func (f *Folder) Exchange(from, to string, sig, other signature.Signature) (there, back step.Stat, order uint64, err error) {
	err = f.at("exchange", from, func(a At) error {
		return f.at("exchange", to, func(b At) (err error) {
			there, back, err = f.ExchangeAt(a, b, sig, other)
			return err
		})
	})
	return there, back, 0, err
}

// Remove moves the file or symlink at path to trash, or removes the empty directory.
func (f *Folder) Remove(path string, sig signature.Signature) (uint64, error) {
	return 0, f.at("remove", path, func(at At) error {
		_, err := f.RemoveAt(at, sig)
		return err
	})
}

// Attr sets attributes of what is at path.
func (f *Folder) Attr(path string, sig signature.Signature, a step.Attr) (step.Stat, uint64, error) {
	var st step.Stat
	err := f.at("attr", path, func(at At) error {
		var err error
		st, err = at.Attr(sig, a)
		return err
	})
	return st, 0, err
}

// Freeze calls fn: no program's changes go through an unmounted folder.
func (f *Folder) Freeze(fn func() error) error { return fn() }

// Invalidate does nothing: no kernel caches an unmounted folder apart from itself.
func (f *Folder) Invalidate(string) {}

// at calls fn with the place that path names. The folder itself is the name "." in itself.
func (f *Folder) at(op, path string, fn func(At) error) error {
	names, err := Split(path)
	if err != nil {
		return pathError(op, path, err)
	}
	name := "."
	if len(names) > 0 {
		names, name = names[:len(names)-1], names[len(names)-1]
	}
	dir, err := Walk(f.root, names)
	if err != nil {
		return pathError(op, path, err)
	}
	defer unix.Close(dir)
	return pathError(op, path, fn(At{Dir: dir, Name: name, Path: path}))
}

// dir calls fn with an O_PATH descriptor of the directory at path.
func (f *Folder) dir(op, path string, fn func(int) error) error {
	names, err := Split(path)
	if err != nil {
		return pathError(op, path, err)
	}
	fd, err := Walk(f.root, names)
	if err != nil {
		return pathError(op, path, err)
	}
	defer unix.Close(fd)
	return pathError(op, path, fn(fd))
}

func pathError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	if _, told := err.(*fs.PathError); told {
		return err
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}
