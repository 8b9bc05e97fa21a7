package fusefs

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"syncfs/fusefs/backing"
)

// Lookup finds a name. That it is not there is told to the kernel as well, so that it does not ask again.
func (v *volume) Lookup(cancel <-chan struct{}, h *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if v.own(h) && h.NodeId == 1 && name == v.hidden {
		return v.lookupStaging(out)
	}
	if err := v.bringFor(cancel, h, name); err != nil {
		return status(err)
	}
	v.names.RLock()
	defer v.names.RUnlock()
	return v.inDir(h.NodeId, func(parent *node, d *dir) error {
		if v.reserved(parent, name) {
			return unix.ENOENT
		}
		l := link{parent, name}
		var st unix.Stat_t
		err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err == unix.ENOENT {
			if !v.lookupAbsent(l, out) && !v.own(h) {
				out.SetEntryTimeout(cacheFor)
			}
			return nil
		}
		if err != nil {
			return err
		}
		v.answerTo(v.own(h), l, &st, out)
		return nil
	})
}

// answer fills in an entry found at l, and counts the kernel's reference.
func (v *volume) answer(l link, st *unix.Stat_t, out *fuse.EntryOut) *node {
	return v.answerTo(false, l, st, out)
}

// answerTo is answer to a program or to the helper. What the helper is told is not cached, so that the
// first program that comes by asks too.
func (v *volume) answerTo(own bool, l link, st *unix.Stat_t, out *fuse.EntryOut) *node {
	k, kind := keyOf(st), uint16(st.Mode&unix.S_IFMT)
	var n *node
	fresh := l.parent.hidden
	switch {
	case !fresh:
		n = v.table.enter(k, v.ino(k), kind, l, own)
	case st.Nlink > 1:
		n = v.table.enterAgain(k, kind)
		fresh = n == nil // else its links are those with this one, which may not stay
	}
	if n == nil {
		n = v.table.enterStaged(k, v.ino(k), kind, l.name)
	}
	if !own {
		out.SetEntryTimeout(cacheFor)
	}
	if !own || fresh {
		out.SetAttrTimeout(v.attrFor(n))
	}
	out.NodeId = n.id
	fillAttr(&out.Attr, n, st)
	return n
}

// Forget takes references back that the kernel has dropped.
func (v *volume) Forget(id, n uint64) { v.table.forget(id, n) }

// Readlink reads a symlink.
func (v *volume) Readlink(_ <-chan struct{}, h *fuse.InHeader) ([]byte, fuse.Status) {
	n := v.table.get(h.NodeId)
	if n == nil {
		return nil, fuse.Status(unix.ESTALE)
	}
	v.names.RLock()
	defer v.names.RUnlock()
	var target string
	err := v.find(n, func(d *dir, name string, _ *unix.Stat_t) error {
		var err error
		target, err = backing.Readlinkat(d.fd, name)
		return err
	})
	return []byte(target), status(err)
}
