package fusefs

import (
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"syncfs/fusefs/backing"
	"syncfs/fusefs/device"
	"syncfs/journal/change"
)

// cacheFor is how long the kernel may keep what it was told. All changes go through the mount or are
// told to the kernel, so the time could be endless; it bounds what is seen of a change made behind the
// mount's back.
const cacheFor = time.Hour

// A volume answers the kernel's requests.
//
// names keeps paths still: shared by all that finds, makes or removes a name or reports a change,
// exclusive for renames and steps, over the system call and its report both. It is locked before a
// file's mu, that before table.mu. No kernel notification is sent while it is held.
type volume struct {
	fuse.RawFileSystem

	folder    *backing.Folder
	name      string // of the replica
	recorder  Recorder
	absent    Absent
	awaited   awaited
	again     again
	cookies   cookies
	log       *slog.Logger
	device    *device.Device
	owner     fuse.Owner // of the folder
	privil    bool       // root: owners are set, passthrough is used
	writeback bool       // the kernel keeps what was written for a while
	pass      passthrough
	readOnly  bool         // reading leaves no trace underneath
	most      atomic.Int64 // descriptors from here on are not for programs
	hidden    string       // the name by which the helper finds staging

	names sync.RWMutex
	table *table
	dirs  *dirs
	files files

	helper atomic.Uint32 // thread ID of the helper, 0 without
	doing  atomic.Pointer[doing]
	order  atomic.Uint64 // of the last change recorded

	notices sync.WaitGroup // what the kernel is being told
}

func newVolume(folder *backing.Folder, o Options) (*volume, error) {
	var st unix.Stat_t
	if err := unix.Fstat(folder.Root(), &st); err != nil {
		return nil, err
	}
	v := &volume{
		RawFileSystem: fuse.NewDefaultRawFileSystem(),
		folder:        folder,
		name:          o.Replica,
		recorder:      o.Recorder,
		absent:        o.Absent,
		cookies:       cookies{maphash.MakeSeed()},
		log:           o.Logger,
		owner:         fuse.Owner{Uid: st.Uid, Gid: st.Gid},
		dirs:          newDirs(),
	}
	v.table = newTable(keyOf(&st), v.dirs.drop)
	v.files.init()
	return v, nil
}

func (v *volume) String() string { return "syncfs" }

func keyOf(st *unix.Stat_t) key { return key{uint64(st.Dev), st.Ino} }

// ino is the inode number that programs see: that underneath. A filesystem mounted in the folder gets
// numbers apart from it.
func (v *volume) ino(k key) uint64 {
	root := v.table.root.key.dev
	if k.dev == root {
		return k.ino
	}
	return k.ino ^ k.dev<<40 ^ 1<<62
}

// record reports a change. names is held.
func (v *volume) record(c change.Change) {
	n := v.recorder.Record(c)
	for {
		old := v.order.Load()
		if n <= old || v.order.CompareAndSwap(old, n) {
			return
		}
	}
}

// own says whether a request is one that the helper makes for a step.
func (v *volume) own(h *fuse.InHeader) bool {
	return h.Pid != 0 && h.Pid == v.helper.Load()
}

// reserved says whether a name is not for programs.
func (v *volume) reserved(parent *node, name string) bool {
	return parent.id == 1 && name == backing.Reserved
}

// dir returns the open directory of a node. The caller calls v.dirs.done.
func (v *volume) dir(n *node) (*dir, error) {
	if d := v.dirs.get(n); d != nil {
		return d, nil
	}
	if n.kind != unix.S_IFDIR {
		return nil, unix.ENOTDIR
	}
	var fd int
	var err error
	if n.hidden {
		fd, err = unix.Openat(v.folder.Staging(), ".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	} else {
		names, ok := v.table.dirNames(n)
		if !ok {
			return nil, unix.ENOENT
		}
		fd, err = backing.Walk(v.folder.Root(), names)
	}
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || keyOf(&st) != n.key {
		unix.Close(fd)
		return nil, unix.ESTALE
	}
	return v.dirs.put(n, fd), nil
}

// inDir calls fn with the open directory of the node numbered id.
func (v *volume) inDir(id uint64, fn func(*node, *dir) error) fuse.Status {
	n := v.table.get(id)
	if n == nil {
		return fuse.Status(unix.ESTALE)
	}
	d, err := v.dir(n)
	if err != nil {
		return status(err)
	}
	defer v.dirs.done(d)
	return status(fn(n, d))
}

// find calls fn with the directory and the name of a node that has one, after it was seen there.
func (v *volume) find(n *node, fn func(d *dir, name string, st *unix.Stat_t) error) error {
	for _, l := range v.where(n) {
		d, err := v.dir(l.parent)
		if err != nil {
			continue
		}
		var st unix.Stat_t
		err = unix.Fstatat(d.fd, l.name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err == nil && keyOf(&st) == n.key {
			err = fn(d, l.name, &st)
			v.dirs.done(d)
			return err
		}
		v.dirs.done(d)
		if n.id != 1 && (err == nil || err == unix.ENOENT) {
			v.table.misses(n, l)
		}
	}
	return unix.ESTALE
}

// where is table.links, but the root is "." in itself.
func (v *volume) where(n *node) []link {
	if n.id == 1 {
		return []link{{n, "."}}
	}
	return v.table.links(n)
}

// path returns the path of a name in a directory.
func (v *volume) path(l link) string {
	p, _ := v.table.path(l)
	return p
}

// pathOf returns a path of n; not ok: it has none.
func (v *volume) pathOf(n *node) (string, bool) {
	if n.id == 1 {
		return "", true
	}
	return v.table.path(v.table.first(n))
}
