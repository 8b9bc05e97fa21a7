package fusefs

import (
	"strings"

	"golang.org/x/sys/unix"

	"syncfs/fusefs/backing"
	"syncfs/journal/change"
)

// An away is where a step has put the file of a node that the kernel still knows. A program may have it open for
// writing, or be about to: what it writes is nowhere to be seen then, so the file comes back, as a new one.
type away struct {
	backing.Kept
	link    link // the name that it had; it holds a reference to the directory
	written bool // and could not come back
}

// parted notes that a step has put a file away. Its times have changed with that, which is no writing. f.mu is held,
// if there is an f.
func (v *volume) parted(n *node, f *file, k backing.Kept, l link) {
	v.table.sendAway(n, &away{Kept: k, link: l})
	var st unix.Stat_t
	if f == nil || f.passWriters == 0 || unix.Fstat(f.handles[0].fd, &st) != nil {
		return
	}
	if now := fingerprintOf(&st); now.size == f.seen.size && now.mtime == f.seen.mtime {
		f.seen, f.changed, f.racy = now, false, false
	}
}

// bringBack has a file that is away be in the folder again, since it is written, and tells of it as of a new one.
// names and f.mu are held.
func (v *volume) bringBack(f *file) bool {
	a := v.table.away(f.n)
	if a == nil {
		return false
	}
	var st unix.Stat_t
	l, err := v.returned(a, &st)
	if err != nil {
		v.log.Error("written after a peer had replaced or removed it, and not back in the folder", "path", a.Path(),
			"kept", a.String(), "err", err)
		a.written = true
		return false
	}
	v.table.cameBack(f.n, l)
	path := v.path(l)
	v.log.Info("written after a peer had replaced or removed it", "path", a.Path(), "back", path)
	v.record(change.Change{Kind: change.Create, Path: path, Made: made(l.name, &st)})
	v.tell(l, f.n)
	return true
}

// returned puts what is away into its directory, or into one of the same path if that is gone, and fills in its stat.
func (v *volume) returned(a *away, st *unix.Stat_t) (link, error) {
	parent := a.link.parent
	if _, there := v.table.path(a.link); !there {
		names := strings.Split(a.Path(), "/")
		var err error
		if parent, err = v.makeDirs(names[:len(names)-1]); err != nil {
			return link{}, err
		}
	}
	d, err := v.dir(parent)
	if err != nil {
		return link{}, err
	}
	defer v.dirs.done(d)
	name, err := v.folder.BringBack(a.Kept, d.fd, v.name, func(name string) bool {
		return v.absentAt(v.path(link{parent, name}))
	})
	if err == nil {
		err = unix.Fstatat(d.fd, name, st, unix.AT_SYMLINK_NOFOLLOW)
	}
	return link{parent, name}, err
}

// makeDirs makes the directories on a path that are missing, and returns the node of the last. names is held.
func (v *volume) makeDirs(names []string) (*node, error) {
	n := v.table.root
	for _, name := range names {
		d, err := v.dir(n)
		if err != nil {
			return nil, err
		}
		l := link{n, name}
		var st unix.Stat_t
		isNew := unix.Mkdirat(d.fd, name, 0o755) == nil
		if isNew && v.privil {
			unix.Fchownat(d.fd, name, int(v.owner.Uid), int(v.owner.Gid), unix.AT_SYMLINK_NOFOLLOW)
		}
		err = unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		v.dirs.done(d)
		if err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
			err = unix.ENOTDIR
		}
		if err != nil {
			return nil, err
		}
		n = v.table.reach(keyOf(&st), v.ino(keyOf(&st)), unix.S_IFDIR, l)
		if isNew {
			v.record(change.Change{Kind: change.Mkdir, Path: v.path(l), Made: made(name, &st)})
			v.tell(l, n)
		}
	}
	return n, nil
}

// tell has the kernel look again for a name that came to be there without a request, and at what it is of. Whoever
// calls it holds locks, so it does not wait.
func (v *volume) tell(l link, n *node) {
	parent, id := l.parent.id, n.id
	v.notices.Go(func() {
		v.device.EntryNotify(parent, l.name)
		// The kernel keeps listings, and drops one of a directory only for a name that it has looked up.
		v.device.InodeNotify(parent, 0, 0)
		v.device.InodeNotify(id, -1, 0)
	})
}

// putAway has what was open for writing, and was not written since a step put it away, go to trash. f.mu is held.
func (v *volume) putAway(f *file) {
	a := v.table.away(f.n)
	if a == nil || !a.Open || a.written {
		return
	}
	v.table.cameBack(f.n, link{})
	if err := v.folder.Discard(a.Kept); err != nil {
		v.log.Warn("not put into trash", "path", a.Path(), "kept", a.String(), "err", err)
	}
}
