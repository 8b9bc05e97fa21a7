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

// Undone is the names that the disk does not have as they ought to be, and why. A content that is not here is no
// reason of theirs: Lacking has those.
func (f *Folder) Undone(ctx context.Context) (l []Refusal, err error) {
	err = f.do(ctx, func() error {
		return f.tree.View(func(v tree.View) error {
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

// Retry has all that is put off tried again now.
func (f *Folder) Retry(ctx context.Context) error {
	return f.do(ctx, func() error {
		f.execution.unblock()
		return f.release()
	})
}

// Lacking is the paths that want contents which are not here and not on their way.
func (f *Folder) Lacking(ctx context.Context) ([]string, error) {
	paths := map[string]bool{}
	err := f.tree.View(func(v tree.View) error {
		return v.Tx.EachWanted(func(root item.Hash, id item.ID) error {
			if here, err := f.isComing(v.Tx, root); err != nil || here {
				return err
			}
			n, shown, err := v.NodeOf(id)
			if err != nil || !shown {
				return err
			}
			path, err := v.Path(n)
			if err != nil {
				return err
			}
			paths[path] = true
			return ctx.Err()
		})
	})
	l := make([]string, 0, len(paths))
	for p := range paths {
		l = append(l, p)
	}
	slices.Sort(l)
	return l, err
}

func (f *Folder) isComing(tx *journal.Tx, root item.Hash) (bool, error) {
	if f.staging.isUnder(root) {
		return true, nil
	}
	return isHere(tx, root)
}
