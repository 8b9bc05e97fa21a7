package fusefs

import (
	"strings"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"syncfs/journal/step"
)

// Attributes that are replicated are set of an absent file as of any, as a matter of record. An owner, and what else
// stays on this machine, is given to a file that is here.

// setAbsent sets attributes of an absent file. One that is truncated is here from then on. Not done: it is here.
func (v *volume) setAbsent(n *node, in *fuse.SetAttrIn, out *fuse.AttrOut) (done bool, err error) {
	switch {
	case in.Valid&fuse.FATTR_SIZE != 0 && in.Size == 0:
		err := v.materialize(n)
		return err != nil, err
	case in.Valid&fuse.FATTR_SIZE != 0 || v.givesAway(in):
		return true, v.later(&in.InHeader, n)
	}
	v.names.RLock()
	defer v.names.RUnlock()
	if !v.isAbsent(n) {
		return false, nil
	}
	path, ok := v.pathOf(n)
	if !ok && !tellsTimes(in) {
		return true, unix.ESTALE // another is known at its name by now
	}
	if !ok {
		// Its name has gone to another file, or is gone: the kernel tells the times that it has kept of it.
		st := v.absentStat(step.Stat{})
		fillAttr(&out.Attr, n, &st)
		return true, nil
	}
	var a step.Attr
	if mode, ok := in.GetMode(); ok {
		a.Mode = &mode
	}
	if t, ok := in.GetMTime(); ok {
		ns := t.UnixNano()
		a.MTime = &ns
	}
	if a.Mode != nil || a.MTime != nil {
		v.absent.SetAbsent(path, a)
	}
	s, ok := v.absent.AbsentFile(path)
	if !ok {
		return true, unix.ESTALE
	}
	st := v.absentStat(s)
	fillAttr(&out.Attr, n, &st)
	out.SetTimeout(cacheFor)
	return true, nil
}

// givesAway says whether an absent file is to have another owner than it seems to have.
func (v *volume) givesAway(in *fuse.SetAttrIn) bool {
	uid, setUID := in.GetUID()
	gid, setGID := in.GetGID()
	return setUID && uid != v.owner.Uid || setGID && gid != v.owner.Gid
}

// setAbsentXAttr gives an attribute of an absent file the value that set makes of what it has; nil: there is none.
func (v *volume) setAbsentXAttr(h *fuse.InHeader, n *node, name string, set func(was *string) (*string, error)) error {
	if !strings.HasPrefix(name, "user.") {
		return v.later(h, n)
	}
	path, ok := v.pathOf(n)
	if !ok {
		return unix.ESTALE
	}
	var was *string
	if value, ok := v.absent.AbsentXAttrs(path)[name]; ok {
		was = &value
	}
	value, err := set(was)
	if err == nil {
		v.absent.SetAbsent(path, step.Attr{XAttrs: map[string]*string{name: value}})
	}
	return err
}
