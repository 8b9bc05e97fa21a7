package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"syncfs/journal/change"
	"syncfs/journal/item"
	"syncfs/journal/signature"
	"syncfs/journal/step"
	"syncfs/replicate/chunk"
)

// fake is a small Disk over a directory, in which programs work too. What they do is recorded while
// record is set, and unknown otherwise, as in a folder that is not mounted.
type fake struct {
	root   string
	names  sync.Mutex // held while a name changes; nothing is locked after it but the queue
	record func(change.Change) uint64
	order  atomic.Uint64
	busy   sync.Map // path: true
	trash  atomic.Int64
	// fault, if set, is asked before and after each step; an error is what the step ends with
	fault    func(op, path string, after bool) error
	log      func(string, ...any)
	undoing  sync.Mutex     // guards what follows; nothing is locked after it
	undo     []func() error // what a power cut takes back
	unsafe   error          // why nothing can be made durable
	durables int            // how often it was

	// around, if set, is called before a step and after it, while programs go on
	around func(op, path string, after bool)
	plain  bool     // it can exchange nothing
	denied sync.Map // path: the error of whoever reads there

	// listing, if set, is called before a directory is listed
	listing func(path string)
	// absent, if set, tells of files that programs see and the disk has not
	absent func(path string) bool
}

var _ Disk = (*fake)(nil)

func newFake(root string) *fake {
	for _, d := range []string{"staging", "trash"} {
		if err := os.MkdirAll(filepath.Join(root, ".syncfs", d), 0o700); err != nil {
			panic(err)
		}
	}
	return &fake{root: root, log: func(string, ...any) {}}
}

func (d *fake) path(p string) string { return filepath.Join(d.root, p) }

func (d *fake) note(c change.Change) {
	d.log("program: %v %q %q recorded %v", c.Kind, c.Path, c.To, d.record != nil)
	switch c.Kind {
	case change.Create, change.Mkdir, change.Symlink, change.Link:
		at := c.Path
		if c.Kind == change.Link {
			at = c.To
		}
		if st, err := d.Stat(at); err == nil {
			c.Made = &st
		}
		c.Target, _ = d.Readlink(at)
	}
	if d.record != nil {
		d.order.Store(d.record(c))
	}
}

func (d *fake) Stat(path string) (step.Stat, error) {
	var st unix.Stat_t
	if err := unix.Lstat(d.path(path), &st); err != nil {
		return step.Stat{}, &os.PathError{Op: "lstat", Path: path, Err: err}
	}
	kind := step.Other
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		kind = step.File
	case unix.S_IFDIR:
		kind = step.Dir
	case unix.S_IFLNK:
		kind = step.Symlink
	}
	return step.Stat{Name: filepath.Base(path), Kind: kind, Mode: st.Mode & 0o7777, Nlink: uint64(st.Nlink), Signature: signature.Signature{
		Dir: kind == step.Dir, Dev: st.Dev, Ino: st.Ino, Size: st.Size,
		MTime: signature.Nanoseconds(st.Mtim.Unix()), CTime: signature.Nanoseconds(st.Ctim.Unix()),
	}}, nil
}

func (d *fake) List(path string) ([]step.Stat, error) {
	if d.listing != nil {
		d.listing(path)
	}
	if err, no := d.denied.Load(path); no {
		return nil, err.(error)
	}
	l, err := os.ReadDir(d.path(path))
	var out []step.Stat
	for _, e := range l {
		if path == "" && e.Name() == ".syncfs" {
			continue
		}
		if st, err := d.Stat(strings.TrimPrefix(path+"/"+e.Name(), "/")); err == nil {
			out = append(out, st)
		}
	}
	return out, err
}

func (d *fake) Open(path string) (*os.File, error) {
	if err, no := d.denied.Load(path); no {
		return nil, err.(error)
	}
	return os.OpenFile(d.path(path), os.O_RDONLY|unix.O_NOFOLLOW, 0)
}

func (d *fake) Read(path string, offset, limit int64) ([]byte, error) {
	file, err := d.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.NewSectionReader(file, offset, limit))
}

func (d *fake) Readlink(path string) (string, error) { return os.Readlink(d.path(path)) }

func (d *fake) XAttrs(path string) (map[string]string, error) {
	b := make([]byte, 4096)
	n, err := unix.Llistxattr(d.path(path), b)
	if err != nil {
		return nil, err
	}
	m := map[string]string{}
	for _, k := range strings.Split(strings.TrimRight(string(b[:n]), "\x00"), "\x00") {
		if strings.HasPrefix(k, "user.") {
			v := make([]byte, 4096)
			if n, err := unix.Lgetxattr(d.path(path), k, v); err == nil {
				m[k] = string(v[:n])
			}
		}
	}
	return m, nil
}

// step runs one step whole, with the faults asked for.
func (d *fake) step(op, path string, f func() error) (step.Stat, uint64, error) {
	if d.around != nil {
		d.around(op, path, false)
		defer d.around(op, path, true)
	}
	d.names.Lock()
	defer d.names.Unlock()
	if d.fault != nil {
		if err := d.fault(op, path, false); err != nil {
			return step.Stat{}, 0, err
		}
	}
	if err := f(); err != nil {
		return step.Stat{}, 0, err
	}
	if d.fault != nil {
		if err := d.fault(op, path, true); err != nil {
			return step.Stat{}, 0, err
		}
	}
	d.log("step: %s %q", op, path)
	st, _ := d.Stat(path)
	return st, d.order.Load(), nil
}

func (d *fake) expect(path string, sig signature.Signature) error {
	st, err := d.Stat(path)
	switch {
	case errors.Is(err, syscall.ENOENT) && sig == signature.Signature{}:
		return nil
	case err != nil && !errors.Is(err, syscall.ENOENT):
		return err
	case err != nil, st.Signature.Dir != sig.Dir, sig.Dir && st.Signature.Ino != sig.Ino, !sig.Dir && st.Signature != sig:
		return step.ErrChanged
	}
	if _, busy := d.busy.Load(path); busy {
		return step.ErrBusy
	}
	return nil
}

// toTrash keeps the last name of a file.
func (d *fake) toTrash(path string) error {
	if st, err := d.Stat(path); err == nil && st.Nlink > 1 && st.Kind == step.File {
		file, err := os.Open(d.path(path))
		if err != nil {
			return err
		}
		d.undone(func() error {
			defer file.Close()
			of := fmt.Sprintf("/proc/self/fd/%d", file.Fd())
			return unix.Linkat(unix.AT_FDCWD, of, unix.AT_FDCWD, d.path(path), unix.AT_SYMLINK_FOLLOW)
		})
		return syscall.Unlink(d.path(path))
	}
	return d.move(path, fmt.Sprintf(".syncfs/trash/%d", d.trash.Add(1)))
}

// move renames what a power cut may rename back.
func (d *fake) move(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, d.path(from), unix.AT_FDCWD, d.path(to), unix.RENAME_NOREPLACE)
	if err == nil {
		d.undone(func() error { return os.Rename(d.path(to), d.path(from)) })
	}
	return err
}

func (d *fake) Place(staged, path string, old signature.Signature) (step.Stat, uint64, error) {
	return d.step("place", path, func() error {
		if err := d.expect(path, old); err != nil {
			return err
		}
		if old != (signature.Signature{}) {
			b, _ := os.ReadFile(d.path(path))
			d.log("over %s %q", path, b)
			if err := d.toTrash(path); err != nil {
				return err
			}
		}
		return d.move(".syncfs/staging/"+staged, path)
	})
}

func (d *fake) Link(from, staged string, sig signature.Signature) error {
	_, _, err := d.step("link", from, func() error {
		if err := d.expect(from, sig); err != nil {
			return err
		}
		return os.Link(d.path(from), d.path(".syncfs/staging/"+staged))
	})
	return err
}

func (d *fake) Move(from, to string, sig signature.Signature) (step.Stat, uint64, error) {
	return d.step("move", to, func() error {
		if err := d.expect(from, sig); err != nil {
			return err
		}
		return d.move(from, to)
	})
}

func (d *fake) Exchange(from, to string, sig, other signature.Signature) (there, back step.Stat, order uint64, err error) {
	there, order, err = d.step("exchange", to, func() error {
		if d.plain {
			return syscall.EINVAL
		}
		if err := errors.Join(d.expect(from, sig), d.expect(to, other)); err != nil {
			return err
		}
		swap := func() error {
			return unix.Renameat2(unix.AT_FDCWD, d.path(from), unix.AT_FDCWD, d.path(to), unix.RENAME_EXCHANGE)
		}
		if err := swap(); err != nil {
			return err
		}
		d.undone(swap)
		back, err = d.Stat(from)
		return err
	})
	return there, back, order, err
}

func (d *fake) Remove(path string, sig signature.Signature) (uint64, error) {
	_, n, err := d.step("remove", path, func() error {
		if err := d.expect(path, sig); err != nil {
			return err
		}
		if st, _ := d.Stat(path); st.Kind == step.Dir {
			err := syscall.Rmdir(d.path(path))
			if err == nil {
				d.undone(func() error { return syscall.Mkdir(d.path(path), st.Mode) })
			}
			return err
		}
		return d.toTrash(path)
	})
	return n, err
}

func (d *fake) Attr(path string, sig signature.Signature, a step.Attr) (step.Stat, uint64, error) {
	return d.step("attr", path, func() error {
		if err := d.expect(path, sig); err != nil {
			return err
		}
		was, _ := d.Stat(path)
		d.undone(func() error {
			return setAttr(d.path(path), step.Attr{Mode: &was.Mode, MTime: &was.Signature.MTime})
		})
		return setAttr(d.path(path), a)
	})
}

func setAttr(p string, a step.Attr) error {
	for k, v := range a.XAttrs {
		if v == nil {
			_ = unix.Lremovexattr(p, k)
		} else if err := unix.Lsetxattr(p, k, []byte(*v), 0); err != nil {
			return err
		}
	}
	if a.Mode != nil {
		if err := unix.Chmod(p, *a.Mode); err != nil {
			return err
		}
	}
	if a.MTime != nil {
		t := time.Unix(0, *a.MTime)
		ts, _ := unix.TimeToTimespec(t)
		return unix.UtimesNanoAt(unix.AT_FDCWD, p, []unix.Timespec{{Nsec: unix.UTIME_OMIT}, ts}, unix.AT_SYMLINK_NOFOLLOW)
	}
	return nil
}

func (d *fake) Freeze(f func() error) error {
	d.names.Lock()
	defer d.names.Unlock()
	return f()
}

func (d *fake) Invalidate(string) {}

// Durable: what was done is there after a power cut.
func (d *fake) Durable([]string) error {
	d.undoing.Lock()
	defer d.undoing.Unlock()
	d.durables++
	if d.unsafe == nil {
		d.undo = nil
	}
	return d.unsafe
}

// lose has nothing be made durable, if err is not nil.
func (d *fake) lose(err error) {
	d.undoing.Lock()
	defer d.undoing.Unlock()
	d.unsafe = err
}

// madeDurable is how often all or some of it was made durable.
func (d *fake) madeDurable() int {
	d.undoing.Lock()
	defer d.undoing.Unlock()
	return d.durables
}

// powerCut takes back what was done and is not durable.
func (d *fake) powerCut() {
	d.undoing.Lock()
	defer d.undoing.Unlock()
	for i := len(d.undo) - 1; i >= 0; i-- {
		if err := d.undo[i](); err != nil {
			panic(err)
		}
	}
	d.undo = nil
}

// undone notes how what was just done is taken back.
func (d *fake) undone(f func() error) {
	d.undoing.Lock()
	defer d.undoing.Unlock()
	d.undo = append(d.undo, f)
}

// ---- programs ----

// write has a program create or overwrite a file.
func (d *fake) write(path, data string) error {
	d.names.Lock()
	defer d.names.Unlock()
	if d.absent != nil && d.absent(path) {
		return syscall.EEXIST
	}
	_, err := os.Lstat(d.path(path))
	d.log("program: write %q to %q (%v)", data, path, hashOf(data).String()[:8])
	if werr := os.WriteFile(d.path(path), []byte(data), 0o644); werr != nil {
		return werr
	}
	if err != nil {
		d.note(change.Change{Kind: change.Create, Path: path})
	}
	d.note(change.Change{Kind: change.Dirty, Path: path})
	d.note(change.Change{Kind: change.Settled, Path: path, Whole: true})
	return nil
}

func (d *fake) do(c change.Change, f func() error) error {
	d.names.Lock()
	defer d.names.Unlock()
	for _, p := range []string{c.Path, c.To} {
		if _, err := os.Lstat(d.path(p)); err != nil && p != "" && d.absent != nil && d.absent(p) {
			return syscall.EEXIST
		}
	}
	gone := map[change.Kind]string{change.Unlink: c.Path, change.Rmdir: c.Path, change.Rename: c.To}
	if st, err := d.Stat(gone[c.Kind]); err == nil && gone[c.Kind] != "" {
		c.Gone = st.Signature.Ino
	}
	if err := f(); err != nil {
		return err
	}
	d.note(c)
	return nil
}

func (d *fake) mkdir(path string) error {
	return d.do(change.Change{Kind: change.Mkdir, Path: path}, func() error { return os.Mkdir(d.path(path), 0o755) })
}

func (d *fake) symlink(target, path string) error {
	return d.do(change.Change{Kind: change.Symlink, Path: path}, func() error { return os.Symlink(target, d.path(path)) })
}

func (d *fake) link(path, to string) error {
	return d.do(change.Change{Kind: change.Link, Path: path, To: to}, func() error { return os.Link(d.path(path), d.path(to)) })
}

func (d *fake) unlink(path string) error {
	return d.do(change.Change{Kind: change.Unlink, Path: path}, func() error { return syscall.Unlink(d.path(path)) })
}

func (d *fake) rmdir(path string) error {
	return d.do(change.Change{Kind: change.Rmdir, Path: path}, func() error { return syscall.Rmdir(d.path(path)) })
}

func (d *fake) rename(path, to string) error {
	return d.do(change.Change{Kind: change.Rename, Path: path, To: to}, func() error { return syscall.Rename(d.path(path), d.path(to)) })
}

func (d *fake) exchange(path, to string) error {
	return d.do(change.Change{Kind: change.Exchange, Path: path, To: to}, func() error {
		return unix.Renameat2(unix.AT_FDCWD, d.path(path), unix.AT_FDCWD, d.path(to), unix.RENAME_EXCHANGE)
	})
}

func (d *fake) chmod(path string, mode uint32) error {
	return d.do(change.Change{Kind: change.Attr, Path: path}, func() error { return unix.Chmod(d.path(path), mode) })
}

// tree is all that is on disk: kind, mode and content by path.
func (d *fake) setxattr(path, name, value string) error {
	return d.do(change.Change{Kind: change.Attr, Path: path}, func() error { return unix.Lsetxattr(d.path(path), name, []byte(value), 0) })
}

func (d *fake) tree() map[string]string {
	m := map[string]string{}
	_ = filepath.WalkDir(d.root, func(p string, e os.DirEntry, err error) error {
		rel, _ := filepath.Rel(d.root, p)
		if err != nil || rel == "." {
			return nil
		}
		if rel == ".syncfs" {
			return filepath.SkipDir
		}
		st, err := d.Stat(rel)
		if err != nil {
			return nil
		}
		switch st.Kind {
		case step.Dir:
			m[rel] = fmt.Sprintf("dir %o", st.Mode)
		case step.Symlink:
			t, _ := os.Readlink(p)
			m[rel] = "-> " + t
		default:
			b, _ := os.ReadFile(p)
			m[rel] = fmt.Sprintf("%o %q", st.Mode, b)
		}
		return nil
	})
	return m
}

// files is the contents of all regular files.
func (d *fake) files() map[string]string {
	m := map[string]string{}
	_ = filepath.WalkDir(d.root, func(p string, e os.DirEntry, err error) error {
		rel, _ := filepath.Rel(d.root, p)
		if err == nil && rel == ".syncfs" {
			return filepath.SkipDir
		}
		if err == nil && e.Type().IsRegular() {
			b, _ := os.ReadFile(p)
			m[rel] = string(b)
		}
		return nil
	})
	return m
}

func hashOf(data string) item.Hash { return chunk.Bytes([]byte(data)).Root() }
