package fusefs

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"syncfs/journal/change"
)

// A file is the open state of a node: there is one while a handle is open or what was written is not
// yet reported as settled. mu guards its fields; table.mu and files.mu may be locked while it is held.
type file struct {
	n  *node
	mu sync.Mutex

	closed  bool // no more the node's: look again
	handles []*handle
	writers int // handles that may write

	// What the kernel has open, in one of two ways at a time (see passthrough).
	cached      int
	passed      int
	passWriters int
	passMappers int // those of the writers that may also read, and so store through a mapping
	backing     int32

	// What was written and not yet settled.
	dirty    bool
	whole    bool
	ranges   ranges
	last     time.Time // of the last write, or when it was last opened to be written
	inflight int       // writes begun and not done

	// The mtime that the kernel has of a file whose times it keeps; nil: unknown. Told is the ctime that it had when it
	// told the times last, in nanoseconds.
	mtime *unix.Timespec
	told  int64

	// What a passthrough writer may have done unseen.
	seen    fingerprint
	racy    bool // seen was taken too soon after a change to tell the next one
	changed bool // since the first of the writers opened
}

// A handle is what a program opened.
type handle struct {
	id    uint64
	fd    int
	f     *file
	read  bool
	write bool
	pass  bool

	appends bool // opened with O_APPEND
}

func newHandle(fd int, flags uint32) *handle {
	how := flags & unix.O_ACCMODE
	return &handle{fd: fd, read: how != unix.O_WRONLY, write: how != unix.O_RDONLY, appends: flags&unix.O_APPEND != 0}
}

// files holds the handles, and the files that the settler has to look at. mu guards all fields; nothing
// is locked while it is held.
type files struct {
	mu      sync.Mutex
	handles map[uint64]*handle
	next    uint64
	watched map[*file]struct{}
	wake    chan struct{} // something more is watched
}

func (fs *files) init() {
	fs.handles = map[uint64]*handle{}
	fs.watched = map[*file]struct{}{}
	fs.wake = make(chan struct{}, 1)
}

func (fs *files) get(id uint64) *handle {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.handles[id]
}

func (fs *files) add(h *handle) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.next++
	h.id = fs.next
	fs.handles[h.id] = h
}

func (fs *files) remove(id uint64) *handle {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	h := fs.handles[id]
	delete(fs.handles, id)
	return h
}

func (fs *files) watch(f *file) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if _, already := fs.watched[f]; already {
		return
	}
	fs.watched[f] = struct{}{}
	select {
	case fs.wake <- struct{}{}:
	default:
	}
}

func (fs *files) unwatch(f *file) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	delete(fs.watched, f)
}

func (fs *files) all() []*file {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	all := make([]*file, 0, len(fs.watched))
	for f := range fs.watched {
		all = append(all, f)
	}
	return all
}

// lockFile returns the file of a node with its mu locked; nil if there is none and make is not set.
func (v *volume) lockFile(n *node, make bool) *file {
	for {
		f := v.table.file(n, make)
		if f == nil {
			return nil
		}
		f.mu.Lock()
		if !f.closed {
			return f
		}
		f.mu.Unlock()
	}
}

// unlockFile unlocks a file and lets it go if nothing is left of it.
func (v *volume) unlockFile(f *file) {
	defer f.mu.Unlock()
	if len(f.handles) == 0 && f.inflight == 0 && !f.dirty && !f.closed {
		f.closed = true
		v.files.unwatch(f)
		v.table.noFile(f)
	}
}

func (t *table) file(n *node, make bool) *file {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n.rare != nil && n.rare.file != nil {
		return n.rare.file
	}
	if !make {
		return nil
	}
	f := &file{n: n}
	n.uncommon().file = f
	n.refs++
	return f
}

func (t *table) noFile(f *file) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f.n.rare.file = nil
	t.release(f.n)
}

// withHandle calls fn with the descriptor of an open handle of n, if there is one.
func (v *volume) withHandle(n *node, fn func(fd int) error) (done bool, err error) {
	f := v.lockFile(n, false)
	if f == nil {
		return false, nil
	}
	defer f.mu.Unlock()
	if len(f.handles) == 0 {
		return false, nil
	}
	return true, fn(f.handles[0].fd)
}

// isDirty says whether something written to n is not settled.
func (v *volume) isDirty(n *node) bool {
	f := v.lockFile(n, false)
	if f == nil {
		return false
	}
	defer f.mu.Unlock()
	return f.dirty
}

// busy says whether a program writes the file, or has opened it just now to do so: what is put in its place would
// have what it writes end in trash. mu is held.
func (f *file) busy() bool { return f.dirty || f.writers > 0 && time.Since(f.last) < still }

func (v *volume) isBusy(n *node) bool {
	f := v.lockFile(n, false)
	if f == nil {
		return false
	}
	defer f.mu.Unlock()
	return f.busy()
}

// A fingerprint changes with every change of a file's bytes, but for those within one tick of its clock.
type fingerprint struct {
	size         int64
	mtime, ctime unix.Timespec
}

func fingerprintOf(st *unix.Stat_t) fingerprint { return fingerprint{st.Size, st.Mtim, st.Ctim} }

// ranges are sorted, disjoint and not adjacent.
type ranges []change.Range

// maxRanges bounds them: beyond, the whole file is reported.
const maxRanges = 4096

// add joins [off, off+n) into the ranges. Writes mostly go on where the last one ended.
func (rs ranges) add(off, n int64) ranges {
	end := off + n
	i := len(rs)
	for i > 0 && rs[i-1].Offset > off {
		i--
	}
	if i > 0 && rs[i-1].Offset+rs[i-1].Length >= off {
		i--
		off = rs[i].Offset
		end = max(end, rs[i].Offset+rs[i].Length)
	}
	j := i
	for j < len(rs) && rs[j].Offset <= end {
		end = max(end, rs[j].Offset+rs[j].Length)
		j++
	}
	r := change.Range{Offset: off, Length: end - off}
	if j == i {
		rs = append(rs, change.Range{})
		copy(rs[i+1:], rs[i:])
		rs[i] = r
		return rs
	}
	rs[i] = r
	return append(rs[:i+1], rs[j:]...)
}
