package disk

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/signature"
	"syncfs/replicate/chunk"
)

const (
	stagingDir = "staging"
	partial    = ".part" // a content that is not whole yet
	fewFiles   = 8       // up to so many are fsynced one by one, more by syncfs(2)
	usual      = 0o644   // mode of most files: it need not be set again
	maxWaiting = 4096    // contents committed and not on disk yet

	stillFor = 2 * time.Millisecond  // how long a group is waited with for one more,
	longest  = 20 * time.Millisecond // and all in all
)

// A content is a file of staging that holds the whole of it.
type content struct {
	root item.Hash
	name string
	list chunk.List // of a fetched one; nil: it is known
}

// staging is where contents are put together. They are made durable in groups, off the loop, and only
// then handed to it.
type staging struct {
	f    *Folder
	root *os.Root
	fd   *os.File      // the same directory, for system calls on names in it
	wake chan struct{} // for the loop: durable has grown

	commit  chan struct{} // pokes run: committed is not empty any more
	copying chan struct{} // pokes the copier

	mu        sync.Mutex    // guards what follows; nothing is locked after it
	committed []content     // put together by sessions, to be made durable
	room      chan struct{} // closed when there is room for more of them

	durable []content         // for the loop
	waiting int               // committed, and not with the loop yet
	orders  map[item.Hash]int // copies to make of contents on disk
	under   map[item.Hash]int // files of contents on their way, fetched or copied, and not in the journal yet
	lost    []item.Hash       // contents that could not be copied: for the loop

	suffix string       // tells names of this run from those of others
	number atomic.Int64 // of the last name

	files    map[item.Hash][]string // the loop's: durable files by content
	splitter chunk.Splitter         // the copier's
}

func openStaging(f *Folder) (*staging, error) {
	s := &staging{
		f: f, suffix: randomName(), wake: make(chan struct{}, 1), commit: make(chan struct{}, 1), copying: make(chan struct{}, 1),
		room:   make(chan struct{}),
		orders: map[item.Hash]int{}, under: map[item.Hash]int{}, files: map[item.Hash][]string{},
	}
	if err := f.options.State.Mkdir(stagingDir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	var err error
	if s.root, err = f.options.State.OpenRoot(stagingDir); err != nil {
		return nil, err
	}
	s.fd, err = s.root.Open(".")
	return s, err
}

// recover finds what a former run has left: whole contents that the journal knows, parts of contents to be
// gone on with. All else is of no use.
func (s *staging) recover() error {
	known := map[string]bool{}
	var gone []item.Hash
	err := s.f.journal.View(func(tx *journal.Tx) error {
		return tx.EachStaged(func(c journal.Staged) error {
			if sig, err := s.signature(c.Name); err == nil && sig.Size == c.Signature.Size && sig.Ino == c.Signature.Ino {
				known[c.Name] = true
				s.files[c.Root] = append(s.files[c.Root], c.Name)
			} else {
				gone = append(gone, c.Root)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	if err := s.f.inParts(len(gone), func(b *batch, i int) error { return b.Tx.DeleteStaged(gone[i]) }); err != nil {
		return err
	}
	l, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range l {
		if !known[e.Name()] && !strings.HasSuffix(e.Name(), partial) {
			s.discard(e.Name())
		}
	}
	return nil
}

func (s *staging) signature(name string) (signature.Signature, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(int(s.fd.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return signature.Signature{}, &os.PathError{Op: "lstat", Path: name, Err: err}
	}
	return signatureFrom(&st), nil
}

// read is up to limit bytes at an offset of a staged file.
func (s *staging) read(name string, offset, limit int64) ([]byte, error) {
	file, err := s.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.NewSectionReader(file, offset, limit))
}

// fresh is a name that no file of staging has.
func (s *staging) fresh() string {
	return strconv.FormatInt(s.number.Add(1), 10) + "-" + s.suffix
}

func (s *staging) discard(name string) { _ = s.root.Remove(name) }

// link makes a symlink to be placed.
func (s *staging) link(target string) (string, error) {
	name := s.fresh()
	return name, s.root.Symlink(target, name)
}

// dir makes a directory to be placed.
func (s *staging) dir(mode uint32) (string, error) {
	name, fd := s.fresh(), int(s.fd.Fd())
	if err := unix.Mkdirat(fd, name, 0o700); err != nil {
		return "", &os.PathError{Op: "mkdir", Path: name, Err: err}
	}
	if err := unix.Fchmodat(fd, name, mode&modeBits, 0); err != nil {
		return "", &os.PathError{Op: "chmod", Path: name, Err: err}
	}
	return name, nil
}

// dress gives a staged file or symlink the attributes that it is to be seen with. A symlink has no mode and no extended
// attributes of its own.
func (s *staging) dress(name string, a *journal.Applied, xattrs map[string]string) error {
	if !a.Content.Symlink {
		if err := s.attire(name, a.Mode&modeBits, xattrs); err != nil {
			return err
		}
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(a.MTime)}
	if err := unix.UtimesNanoAt(int(s.fd.Fd()), name, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &os.PathError{Op: "utimensat", Path: name, Err: err}
	}
	return nil
}

// attire gives a staged file its mode and extended attributes. It may have been dressed before, for another that was not
// placed: that one's are taken off.
func (s *staging) attire(name string, mode uint32, xattrs map[string]string) error {
	if err := s.undress(name, xattrs); err != nil {
		return err
	}
	if len(xattrs) > 0 {
		if err := s.adorn(name, xattrs); err != nil {
			return err
		}
	}
	dir := int(s.fd.Fd())
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &os.PathError{Op: "lstat", Path: name, Err: err}
	}
	if st.Mode&0o7777 == mode {
		return nil
	}
	if err := unix.Fchmodat(dir, name, mode, 0); err != nil {
		return &os.PathError{Op: "chmod", Path: name, Err: err}
	}
	return nil
}

// undress takes off what a staged file has of extended attributes but those to keep.
func (s *staging) undress(name string, keep map[string]string) error {
	path := "/proc/self/fd/" + strconv.Itoa(int(s.fd.Fd())) + "/" + name
	var small [256]byte
	n, err := unix.Llistxattr(path, small[:])
	list := small[:max(n, 0)]
	if err == unix.ERANGE {
		list = make([]byte, 1<<16)
		if n, err = unix.Llistxattr(path, list); err == nil {
			list = list[:n]
		}
	}
	switch {
	case err == unix.ENOTSUP:
		return nil
	case err != nil:
		return &os.PathError{Op: "listxattr", Path: name, Err: err}
	}
	for k := range strings.SplitSeq(string(list), "\x00") {
		if _, ok := keep[k]; ok || !strings.HasPrefix(k, item.XAttr) {
			continue
		}
		if err := unix.Lremovexattr(path, k); err != nil {
			return &os.PathError{Op: "removexattr", Path: name, Err: err}
		}
	}
	return nil
}

// adorn sets extended attributes of a staged file, as far as the filesystem has any.
func (s *staging) adorn(name string, xattrs map[string]string) error {
	file, err := s.root.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	for k, v := range xattrs {
		if err := unix.Fsetxattr(int(file.Fd()), k, []byte(v), 0); err != nil && !errors.Is(err, unix.ENOTSUP) {
			return &os.PathError{Op: "setxattr", Path: name, Err: err}
		}
	}
	return nil
}

// ready is a durable file of a content.
func (s *staging) ready(root item.Hash) (string, bool) {
	l := s.files[root]
	if len(l) == 0 {
		return "", false
	}
	return l[0], true
}

// used: a file of a content was put in place.
func (s *staging) used(b *batch, root item.Hash, name string) error {
	was := s.files[root]
	if len(was) > 1 {
		s.files[root] = was[1:]
	} else {
		delete(s.files, root)
	}
	b.undo(func() {
		if _, err := s.root.Lstat(name); err == nil {
			s.files[root] = was
		}
	})
	st, err := b.Tx.Staged(root)
	if err != nil || st == nil || st.Name != name {
		return err
	}
	return b.Tx.DeleteStaged(root)
}

// unused: a file that used has given away was not put in place.
func (s *staging) unused(b *batch, root item.Hash, name string) error {
	was := s.files[root]
	s.files[root] = append(slices.Clone(was), name)
	b.undo(func() { s.files[root] = was })
	return b.keepStaged(content{root: root, name: name})
}

// tidy removes contents that nobody waits for any more: all that is shown is in place.
func (s *staging) tidy() error {
	var l []item.Hash
	err := s.f.journal.View(func(tx *journal.Tx) error {
		for root := range s.files {
			if ids, err := tx.Wanted(root); err != nil {
				return err
			} else if len(ids) == 0 {
				l = append(l, root)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.f.inParts(len(l), func(b *batch, i int) error {
		names := s.files[l[i]]
		b.then(func() {
			delete(s.files, l[i])
			for _, n := range names {
				s.discard(n)
			}
		})
		return b.Tx.DeleteStaged(l[i])
	})
}

// run makes contents durable, and copies those that are on disk already.
func (s *staging) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.commit:
			s.settle(s.group())
		case <-s.copying:
			if err := s.copyOrders(ctx); err != nil {
				return err
			}
		}
	}
}

// group is what is committed, once nothing more has come for a while or it has taken long. It looks from time to time: to
// be woken for each content costs more than most contents do.
func (s *staging) group() []content {
	tick := time.NewTicker(stillFor)
	defer tick.Stop()
	for n, waited := 0, time.Duration(0); ; waited += stillFor {
		s.mu.Lock()
		l := s.committed
		if len(l) == n || waited >= longest || len(l) >= maxWaiting {
			s.committed = nil
			close(s.room)
			s.room = make(chan struct{})
			s.mu.Unlock()
			return l
		}
		n = len(l)
		s.mu.Unlock()
		<-tick.C
	}
}

// over: files of a content are on their way no longer. mu is held. Whatever else is on its way goes on: the first that
// comes is for all who want the content.
func (s *staging) over(root item.Hash, n int) {
	if s.under[root] -= n; s.under[root] <= 0 {
		delete(s.under, root)
	}
}

// settle makes files durable and hands them to the loop. A file that could not be made durable is given
// up: its content is wanted as before.
func (s *staging) settle(l []content) {
	if err := s.fsync(l); err != nil {
		s.f.log.Error("contents could not be made durable", "err", err)
		for _, c := range l {
			s.discard(c.name)
			s.refuse(err)
		}
		s.entered(l)
		s.poke()
		return
	}
	s.accept()
	s.mu.Lock()
	s.durable = append(s.durable, l...)
	s.mu.Unlock()
	s.poke()
}

// poke has the loop look.
func (s *staging) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *staging) fsync(l []content) error {
	if len(l) > fewFiles {
		return unix.Syncfs(int(s.fd.Fd()))
	}
	for _, c := range l {
		file, err := s.root.OpenFile(c.name, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		if err := errors.Join(file.Sync(), file.Close()); err != nil {
			return err
		}
	}
	return nil
}
