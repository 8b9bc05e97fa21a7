package fusefs

import (
	"context"
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"syncfs/journal/change"
	"syncfs/journal/step"
)

// fetchFor is how long an open waits for content that is not here.
const fetchFor = 30 * time.Second

// An absent file is known, with its size, and has no file underneath until its content is here. It is a
// node like any other, whose inode number stays the same when the content comes.

func (v *volume) isAbsent(n *node) bool {
	if v.absent == nil {
		return false
	}
	v.table.mu.Lock()
	defer v.table.mu.Unlock()
	return n.isAbsent()
}

// absentAt says whether the file at path is absent.
func (v *volume) absentAt(path string) bool {
	if v.absent == nil {
		return false
	}
	_, ok := v.absent.AbsentFile(path)
	return ok
}

// lookupAbsent answers for a name that is not underneath.
func (v *volume) lookupAbsent(l link, out *fuse.EntryOut) bool {
	if v.absent == nil {
		return false
	}
	s, ok := v.absent.AbsentFile(v.path(l))
	if !ok {
		return false
	}
	v.answerAbsent(l, s, out)
	return true
}

func (v *volume) answerAbsent(l link, s step.Stat, out *fuse.EntryOut) {
	n := v.table.enterAbsent(unix.S_IFREG, l)
	st := v.absentStat(s)
	out.NodeId = n.id
	fillAttr(&out.Attr, n, &st)
	out.SetAttrTimeout(cacheFor)
	out.SetEntryTimeout(cacheFor)
}

// listAbsent adds the absent files of a directory from an offset on, and reports whether there are more.
func (v *volume) listAbsent(n *node, d *dir, off uint64, add func(*node, *dir, fuse.DirEntry) bool) (more bool) {
	if v.absent == nil || n.hidden {
		return false
	}
	path, ok := v.pathOf(n)
	if !ok {
		return false
	}
	all := v.cookies.of(v.absent.AbsentIn(path))
	for i, a := range all {
		if a.offset <= off {
			continue
		}
		var st unix.Stat_t
		if unix.Fstatat(d.fd, a.name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
			continue // put in place by a step that is not journaled yet: it is listed with those underneath
		}
		e := fuse.DirEntry{Name: a.name, Mode: unix.S_IFREG, Off: a.offset}
		if i+1 < len(all) && all[i+1].offset == a.offset {
			e.Off-- // all of one offset follow one another: rather twice than not at all
		}
		if !add(n, d, e) {
			return true
		}
	}
	return false
}

func (v *volume) holdsAbsent(dir string) bool {
	return v.absent != nil && len(v.absent.AbsentIn(dir)) > 0
}

// awaited are the absent files that programs wait for in an open: each is to get the file that it has found.
type awaited struct {
	mu sync.Mutex // guards by; nothing is locked after it
	by map[*node]int
}

func (a *awaited) add(n *node, d int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.by == nil {
		a.by = map[*node]int{}
	}
	if a.by[n] += d; a.by[n] == 0 {
		delete(a.by, n)
	}
}

func (a *awaited) has(n *node) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.by[n] > 0
}

// bring waits until the content of a file is here. ESTALE has the kernel look the name up again: another file was put
// there as the program began to wait.
func (v *volume) bring(cancel <-chan struct{}, n *node) error {
	v.awaited.add(n, +1)
	defer v.awaited.add(n, -1)
	v.names.RLock()
	path, ok := v.pathOf(n)
	v.names.RUnlock()
	if !ok {
		return unix.ESTALE
	}
	if err := v.fetch(cancel, path); err != nil {
		return err
	}
	switch {
	case !v.isAbsent(n):
		return nil
	case v.absentAt(path):
		return unix.EIO
	}
	return unix.ESTALE
}

// fetch waits until the content of the file at path is here, or can't be had for now.
func (v *volume) fetch(cancel <-chan struct{}, path string) error {
	ctx, stop := context.WithTimeout(context.Background(), fetchFor)
	defer stop()
	go func() {
		select {
		case <-cancel:
			stop()
		case <-v.device.Gone():
			stop()
		case <-ctx.Done():
		}
	}()
	if err := v.absent.Fetch(ctx, path); err != nil {
		if ctx.Err() == context.Canceled {
			return unix.EINTR
		}
		v.log.Warn("content not here", "path", path, "err", err)
		return unix.EIO
	}
	return nil
}

// materialize makes an absent file an empty one that is here.
func (v *volume) materialize(n *node) error {
	v.names.Lock()
	defer v.names.Unlock()
	l := v.table.first(n)
	if l.parent == nil {
		return unix.ESTALE
	}
	s, ok := v.absent.AbsentFile(v.path(l))
	if !ok {
		return unix.ESTALE
	}
	d, err := v.dir(l.parent)
	if err != nil {
		return err
	}
	defer v.dirs.done(d)
	fd, err := unix.Openat(d.fd, l.name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, s.Mode)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if v.privil {
		if err := unix.Fchown(fd, int(v.owner.Uid), int(v.owner.Gid)); err != nil {
			return err
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	v.table.bind(l, keyOf(&st))
	v.overwritten(n, true)
	return nil
}

// unlinkAbsent removes the name of an absent file, which is only a matter of record.
func (v *volume) unlinkAbsent(l link) bool {
	if v.absent == nil {
		return false
	}
	path := v.path(l)
	if !v.absentAt(path) {
		return false
	}
	v.forgetAbsent(l)
	v.record(change.Change{Kind: change.Unlink, Path: path})
	return true
}

func (v *volume) forgetAbsent(l link) {
	if n := v.table.named(l); n != nil {
		v.table.unlink(n.key, l, 1, 0)
	}
}

// forgetAbsentAt is forgetAbsent, for whoever holds nothing, and says what was known.
func (v *volume) forgetAbsentAt(l link) *node {
	v.names.Lock()
	defer v.names.Unlock()
	n := v.table.named(l)
	v.forgetAbsent(l)
	return n
}

// renameAbsent does a rename from the name of an absent file, or an exchange with one.
func (v *volume) renameAbsent(from, to spot, haveFrom, haveTo bool, flags uint) (done bool, err error) {
	oldPath, newPath := v.path(from.l), v.path(to.l)
	a, b := !haveFrom && v.absentAt(oldPath), !haveTo && v.absentAt(newPath)
	switch {
	case !a && !b:
		return false, nil
	case flags&unix.RENAME_NOREPLACE != 0 && (b || haveTo):
		return true, unix.EEXIST
	case flags&unix.RENAME_EXCHANGE != 0:
		return true, v.exchangeAbsent(from, to, haveFrom, haveTo)
	case !a:
		return false, nil // a file from underneath replaces an absent one
	}
	if haveTo {
		replaced := func(*unix.Stat_t) {} // is part of the rename
		if err := v.unlink(to, 0, replaced); err != nil {
			return true, err
		}
	} else {
		v.forgetAbsent(to.l)
	}
	if n := v.table.named(from.l); n != nil {
		v.table.moved(n.key, from.l, to.l)
	}
	v.record(change.Change{Kind: change.Rename, Path: oldPath, To: newPath})
	return true, nil
}

func (v *volume) exchangeAbsent(a, b spot, haveA, haveB bool) error {
	if haveB {
		a, b, haveA = b, a, true
	}
	// Now at most a is underneath, and b is absent.
	var k key
	if haveA {
		var st unix.Stat_t
		if err := a.stat(&st); err != nil {
			return err
		}
		k = keyOf(&st)
		if err := unix.Renameat2(a.d.fd, a.l.name, b.d.fd, b.l.name, unix.RENAME_NOREPLACE); err != nil {
			return err
		}
	} else if n := v.table.named(a.l); n != nil {
		k = n.key
	}
	other := v.table.named(b.l)
	v.table.moved(k, a.l, b.l)
	if other != nil {
		v.table.moved(other.key, b.l, a.l)
	}
	v.record(change.Change{Kind: change.Exchange, Path: v.path(a.l), To: v.path(b.l)})
	return nil
}
