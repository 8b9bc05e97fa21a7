package fusefs

import (
	"cmp"
	"slices"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"syncfs/fusefs/backing"
	"syncfs/journal/signature"
	"syncfs/journal/step"
)

var noSignature signature.Signature

// doing is the step under way: what it expects, and what came of it. The handlers of the helper's
// requests fill it in with names locked; the goroutine that gave the order reads it afterwards.
type doing struct {
	sig    signature.Signature
	other  signature.Signature // of an exchange: of what is at the other path
	path   string              // of what is expected
	to     string              // where it is to be moved
	attr   bool                // attributes are to be set
	staged string              // what is to be placed
	passed bool                // the signature was compared
	stat   step.Stat
	back   step.Stat // of an exchange: of what was at the other path
	order  uint64
	err    error // why the step was refused; the helper only has the errno of it
}

// stepRename is the rename of a step. names is not held.
func (v *volume) stepRename(in *fuse.RenameIn, oldName, newName string) fuse.Status {
	s := v.doing.Load()
	if s == nil {
		return fuse.EPERM
	}
	v.names.Lock()
	defer v.names.Unlock()
	return v.inDir(in.NodeId, func(op *node, od *dir) error {
		return unixError(v.inDir(in.Newdir, func(np *node, nd *dir) error {
			from, to := v.target(spot{od, link{op, oldName}}), v.target(spot{nd, link{np, newName}})
			switch {
			case op.hidden:
				s.err = v.placeStep(s, oldName, to)
			case in.Flags&unix.RENAME_EXCHANGE != 0:
				s.err = v.exchangeStep(s, from, to)
			default:
				s.err = v.moveStep(s, from, to)
			}
			s.order = v.order.Load()
			return s.err
		}))
	})
}

func unixError(st fuse.Status) error {
	if st == fuse.OK {
		return nil
	}
	return unix.Errno(st)
}

// stepRemove is the unlink or rmdir of a step. names is not held.
func (v *volume) stepRemove(parent uint64, name string) fuse.Status {
	s := v.doing.Load()
	if s == nil {
		return fuse.EPERM
	}
	v.names.Lock()
	defer v.names.Unlock()
	return v.inDir(parent, func(p *node, d *dir) error {
		s.err = v.removeStep(s, v.target(spot{d, link{p, name}}))
		s.order = v.order.Load()
		return s.err
	})
}

// expectAt says whether t is at the path that a step is meant for. The helper walks there before it makes its call: a
// program may have renamed a directory since, and the step would change another directory than it is told of.
func expectAt(t target, path string) error {
	if t.Path != path {
		return step.ErrChanged
	}
	return nil
}

// A target is a place that a step changes. link is its name to the kernel; it has no parent where the
// kernel does not know the directory.
type target struct {
	backing.At
	link   link
	absent bool         // an absent file is there
	looked bool         // was is what is there
	was    *unix.Stat_t // nil: nothing
	staged *unix.Stat_t // of what is to be placed, if it was looked at
}

func (v *volume) target(s spot) target {
	return target{At: backing.At{Dir: s.d.fd, Name: s.l.name, Path: v.path(s.l)}, link: s.l}
}

// placeStep does a place. names is held, as in the next three.
func (v *volume) placeStep(s *doing, staged string, to target) error {
	if to.staged == nil {
		var err error
		if to.staged, err = statAt(backing.At{Dir: v.folder.Staging(), Name: staged}); err != nil {
			return err
		}
	}
	linked := v.linkedTo(to.staged)
	err := v.whileLinked(linked, staged, to.At, func() error {
		if err := expectAt(to, s.path); err != nil {
			return err
		}
		place := func(old *unix.Stat_t, f *file) error {
			return v.leaving(to, old, f, func(at backing.At) (k backing.Kept, err error) {
				s.stat, k, err = v.folder.PlaceAt(staged, at, s.sig)
				return k, err
			})
		}
		if to.looked && to.was == nil {
			return place(nil, nil)
		}
		return v.whileStill(to.At, place)
	})
	if err != nil {
		return err
	}
	switch {
	case to.absent && linked != nil:
		v.table.supplant(to.link, linked)
		v.tell(to.link, linked)
	case to.absent:
		v.table.bind(to.link, statKey(s.stat))
	default:
		v.forgetAbsent(to.link)
		v.table.placed(staged, statKey(s.stat), to.link)
	}
	return nil
}

func (v *volume) moveStep(s *doing, from, to target) (err error) {
	if err := cmp.Or(expectAt(from, s.path), expectAt(to, s.to)); err != nil {
		return err
	}
	return v.whileStill(from.At, func(*unix.Stat_t, *file) error {
		if s.stat, err = v.folder.MoveAt(from.At, to.At, s.sig); err != nil {
			return err
		}
		v.table.moved(statKey(s.stat), from.link, to.link)
		return nil
	})
}

func (v *volume) exchangeStep(s *doing, from, to target) error {
	if err := cmp.Or(expectAt(from, s.path), expectAt(to, s.to)); err != nil {
		return err
	}
	return v.whileStill(from.At, func(a *unix.Stat_t, _ *file) error {
		if b, err := statAt(to.At); err != nil || a != nil && b != nil && keyOf(a) == keyOf(b) {
			return cmp.Or(err, step.ErrChanged) // two names of one file
		}
		return v.whileStill(to.At, func(*unix.Stat_t, *file) (err error) {
			if s.stat, s.back, err = v.folder.ExchangeAt(from.At, to.At, s.sig, s.other); err != nil {
				return err
			}
			v.table.moved(statKey(s.stat), from.link, to.link)
			v.table.moved(statKey(s.back), to.link, from.link)
			return nil
		})
	})
}

func (v *volume) removeStep(s *doing, from target) error {
	if err := expectAt(from, s.path); err != nil {
		return err
	}
	return v.whileStill(from.At, func(old *unix.Stat_t, f *file) error {
		return v.leaving(from, old, f, func(at backing.At) (backing.Kept, error) { return v.folder.RemoveAt(at, s.sig) })
	})
}

// leaving calls fn, which puts away what is at t: to the table it is as good as gone. old is nil where nothing is
// there; f, if it is not, what is open of it.
func (v *volume) leaving(t target, old *unix.Stat_t, f *file, fn func(backing.At) (backing.Kept, error)) error {
	if old == nil {
		_, err := fn(t.At)
		return err
	}
	t.Open = f != nil && f.writers > 0
	orphan := v.adopt(t.Dir, t.Name, old)
	k, err := fn(t.At)
	if err != nil {
		closeOrphan(orphan)
		return err
	}
	if n := v.table.known(keyOf(old)); n != nil && k != (backing.Kept{}) {
		v.parted(n, f, k, t.link)
	}
	v.table.unlink(keyOf(old), t.link, uint64(old.Nlink), orphan)
	return nil
}

func statKey(s step.Stat) key { return key{s.Signature.Dev, s.Signature.Ino} }

// whileStill calls fn with the stat of what is there, nil if nothing is, and with what is open of it, unless it is
// being written: its lock is held, so that no write begins meanwhile.
func (v *volume) whileStill(at backing.At, fn func(*unix.Stat_t, *file) error) error {
	st, err := statAt(at)
	if err != nil {
		return err
	}
	if st == nil {
		return fn(nil, nil)
	}
	n := v.table.known(keyOf(st))
	if n == nil {
		return fn(st, nil)
	}
	f := v.lockFile(n, false)
	if f == nil {
		return fn(st, nil)
	}
	defer f.mu.Unlock()
	v.look(f)
	if f.busy() {
		return step.ErrBusy
	}
	return fn(st, f)
}

// statAt is the stat of what is there, nil if nothing is.
func statAt(at backing.At) (*unix.Stat_t, error) {
	st := new(unix.Stat_t)
	err := unix.Fstatat(at.Dir, at.Name, st, unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.ENOENT {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return st, nil
}

// checkStep compares the signature before the first change of attributes that a step makes of n. Other
// changes that the helper makes lend it permission. names is held.
func (v *volume) checkStep(n *node) error {
	s := v.doing.Load()
	if s == nil {
		return unix.EPERM
	}
	if !s.attr || s.passed {
		return nil
	}
	if slices.Contains(v.table.paths(n), s.path) {
		s.err = v.checkSignature(n, s.sig)
	} else {
		s.err = step.ErrChanged // see expectAt
	}
	s.passed = s.err == nil
	s.order = v.order.Load()
	return s.err
}

func (v *volume) checkSignature(n *node, sig signature.Signature) error {
	if v.isBusy(n) {
		return step.ErrBusy
	}
	return v.find(n, func(d *dir, name string, _ *unix.Stat_t) error {
		_, err := backing.At{Dir: d.fd, Name: name}.Expect(sig)
		return err
	})
}

// lookupStaging answers the helper alone: staging has a name that no program knows.
func (v *volume) lookupStaging(out *fuse.EntryOut) fuse.Status {
	var st unix.Stat_t
	if err := unix.Fstat(v.folder.Staging(), &st); err != nil {
		return status(err)
	}
	k := keyOf(&st)
	n := v.table.enterHidden(k, v.ino(k))
	out.NodeId = n.id
	fillAttr(&out.Attr, n, &st)
	out.SetAttrTimeout(cacheFor)
	out.SetEntryTimeout(cacheFor)
	return fuse.OK
}
