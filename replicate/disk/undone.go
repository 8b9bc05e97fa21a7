package disk

import (
	"context"
	"errors"
	"slices"
	"strings"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/step"
	"syncfs/replicate/tree"
)

// Undone is the names that the disk does not have as they ought to be, or whose content could not be read for the
// journal, and why. A content that is not here is no reason of theirs: Lacking has those.
func (f *Folder) Undone(ctx context.Context) (l []Refusal, err error) {
	err = f.do(ctx, func() error {
		return f.tree.View(func(v tree.View) error {
			l = f.unreadable(v.Tx)
			for s, b := range f.execution.blocked {
				if b.root != (item.Hash{}) {
					continue
				}
				r, err := undone(v, s, b.err)
				if err != nil {
					return err
				}
				l = append(l, r)
			}
			return nil
		})
	})
	slices.SortFunc(l, func(a, b Refusal) int { return strings.Compare(a.Path, b.Path) })
	return l, err
}

var errWriting = errors.New("put off: a program is writing it")

func undone(v tree.View, s subject, why error) (Refusal, error) {
	var refused *refusal
	switch {
	case errors.As(why, &refused):
		return Refusal{refused.Path, refused.Err}, nil
	case errors.Is(why, step.ErrBusy):
		why = errWriting
	}
	r := Refusal{s.family, why}
	dir, ok, err := v.Dir(s.dir)
	if err != nil || !ok {
		return r, err
	}
	path, err := v.Path(dir)
	if err == nil {
		r.Path = join(path, s.family)
	}
	return r, nil
}

// Retry has all that is put off, or could not be read, tried again now.
func (f *Folder) Retry(ctx context.Context) error {
	return f.do(ctx, func() error {
		f.execution.unblock()
		if err := f.update((*batch).rereadAll); err != nil {
			return err
		}
		return f.release()
	})
}

// Missing counts the contents that are wanted and neither here nor on their way, and their bytes. It waits for nothing.
func (f *Folder) Missing() (contents int, bytes int64, err error) {
	err = f.eachMissing(func(x lack) error {
		contents, bytes = contents+1, bytes+x.Size
		return nil
	})
	return contents, bytes, err
}

// Lacking is the paths that show, or are to show, such contents.
func (f *Folder) Lacking(ctx context.Context) (l []string, err error) {
	err = f.eachMissing(func(x lack) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return f.tree.View(func(v tree.View) error {
			ids, err := v.Tx.Wanted(x.root)
			for _, id := range ids {
				n, shown, nerr := v.NodeOf(id)
				if nerr != nil || !shown {
					err = errors.Join(err, nerr)
					continue
				}
				path, perr := v.Path(n)
				err = errors.Join(err, perr)
				l = append(l, path)
			}
			return err
		})
	})
	slices.Sort(l)
	return slices.Compact(l), err
}

// eachMissing calls fn with each content that is wanted and neither here nor on its way, once.
func (f *Folder) eachMissing(fn func(lack) error) error {
	all, err := f.wants()
	if err != nil {
		return err
	}
	for some := range slices.Chunk(all, wantsAtOnce) {
		l, err := f.lacking(some)
		if err != nil {
			return err
		}
		for _, x := range l {
			if x.here || f.staging.isUnder(x.root) {
				continue
			}
			if err := fn(x); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Folder) isComing(tx *journal.Tx, root item.Hash) (bool, error) {
	if f.staging.isUnder(root) {
		return true, nil
	}
	return isHere(tx, root)
}
