package disk

import (
	"context"
	"errors"
	"maps"
	"slices"
	"syscall"
	"time"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/signature"
	"syncfs/journal/step"
	"syncfs/replicate/chunk"
	"syncfs/replicate/tree"
)

// maxFetch is how long a program waits for a content.
const maxFetch = 30 * time.Second

// AbsentFile says what is known of a file whose content is not here. It sees every change recorded before
// the call.
func (f *Folder) AbsentFile(path string) (step.Stat, bool) {
	if f.absent.Load() == 0 {
		return step.Stat{}, false
	}
	f.visible.RLock()
	defer f.visible.RUnlock()
	was, set, ok := f.queue.before(path)
	if !ok {
		return step.Stat{}, false
	}
	a, err := f.appliedAt(was)
	if err != nil || a == nil || !a.Absent {
		return step.Stat{}, false
	}
	_, name := split(path)
	return absentStat(a, name, set), true
}

// AbsentXAttrs are the extended attributes of a file whose content is not here.
func (f *Folder) AbsentXAttrs(path string) map[string]string {
	f.visible.RLock()
	defer f.visible.RUnlock()
	was, set, ok := f.queue.before(path)
	if !ok {
		return nil
	}
	all := map[string]string{}
	_ = f.journal.View(func(tx *journal.Tx) error {
		k, ok, err := find(tx, was)
		if err != nil || !ok {
			return err
		}
		a, err := k.applied(tx)
		if err != nil || a == nil || !a.Absent {
			return err
		}
		n, _, err := tree.Look(tx).NodeOf(a.IDs[0])
		maps.Copy(all, shownXAttrs(n.Meta))
		return err
	})
	for _, s := range slices.Backward(set) {
		for name, value := range s.XAttrs {
			if value == nil {
				delete(all, name)
			} else {
				all[name] = *value
			}
		}
	}
	return all
}

// AbsentIn is all such files of a directory.
func (f *Folder) AbsentIn(dir string) []step.Stat {
	if f.absent.Load() == 0 {
		return nil
	}
	f.visible.RLock()
	defer f.visible.RUnlock()
	var names []string
	add := func(path string) error {
		return f.journal.View(func(tx *journal.Tx) error {
			slot, ok, err := findDir(tx, path)
			if err != nil || !ok {
				return err
			}
			return tx.EachApplied(slot, func(a *journal.Applied) error {
				if a.Absent {
					names = append(names, a.Name)
				}
				return nil
			})
		})
	}
	if was, _, ok := f.queue.before(dir); ok {
		if err := add(was); err != nil {
			return nil
		}
	}
	names = append(names, f.queue.namesIn(dir)...)
	var l []step.Stat
	seen := map[string]bool{}
	for _, n := range names {
		if seen[n] {
			continue
		}
		seen[n] = true
		was, set, ok := f.queue.before(join(dir, n))
		if !ok {
			continue
		}
		if a, err := f.appliedAt(was); err == nil && a != nil && a.Absent {
			l = append(l, absentStat(a, n, set))
		}
	}
	return l
}

func (f *Folder) appliedAt(path string) (a *journal.Applied, err error) {
	err = f.journal.View(func(tx *journal.Tx) error {
		k, ok, err := find(tx, path)
		if err != nil || !ok {
			return err
		}
		a, err = k.applied(tx)
		return err
	})
	return a, err
}

func absentStat(a *journal.Applied, name string, set []step.Attr) step.Stat {
	st := step.Stat{
		Name: name, Kind: step.File, Mode: a.Mode, Nlink: 1,
		Signature: signature.Signature{Size: a.Content.Size, MTime: a.MTime, CTime: a.MTime},
	}
	for i := len(set) - 1; i >= 0; i-- {
		if set[i].Mode != nil {
			st.Mode = *set[i].Mode
		}
		if set[i].MTime != nil {
			st.Signature.MTime = *set[i].MTime
		}
	}
	return st
}

// Fetch has the content of the absent file at path brought before others, and returns when it is in place:
// nil also where the file is no longer absent for another reason. It gives up at once what no peer has any more, unless
// another content is to take its place.
func (f *Folder) Fetch(ctx context.Context, path string) error {
	short, cancel := context.WithTimeout(ctx, maxFetch)
	defer cancel()
	for {
		root, size, ok := f.absentRoot(path)
		if !ok {
			return nil
		}
		gone := f.fetch(short, path, root, size)
		err := f.await(short, func() bool {
			now, _, ok := f.absentRoot(path)
			return gone || !ok || now != root
		})
		switch now, _, ok := f.absentRoot(path); {
		case !ok:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, context.DeadlineExceeded) || err == nil && now == root:
			return syscall.EIO
		case err != nil:
			return err
		}
	}
}

// fetch has a content brought, and says whether it is gone: no peer has it, and no file here.
func (f *Folder) fetch(ctx context.Context, path string, root item.Hash, size int64) (gone bool) {
	if f.options.Fetch == nil {
		return false
	}
	err := f.options.Fetch(ctx, root, size)
	if err != nil && ctx.Err() == nil {
		f.log.Warn("content could not be fetched", "path", path, "err", err)
	}
	if !errors.Is(err, chunk.ErrGone) {
		return false
	}
	coming := false
	err = f.journal.View(func(tx *journal.Tx) (err error) {
		coming, err = f.isComing(tx, root)
		return err
	})
	return err == nil && !coming
}

func (f *Folder) absentRoot(path string) (root item.Hash, size int64, ok bool) {
	f.visible.RLock()
	defer f.visible.RUnlock()
	was, _, ok := f.queue.before(path)
	if !ok {
		return root, 0, false
	}
	a, err := f.appliedAt(was)
	if err != nil || a == nil || !a.Absent {
		return root, 0, false
	}
	return a.Content.Root, a.Content.Size, true
}
