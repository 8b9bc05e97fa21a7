package sim

import (
	"maps"
	"slices"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/name"
	"syncfs/replicate/tree"
)

// A spot is a family of names in a directory.
type spot struct {
	dir    item.ID
	family string
}

// families are the nodes of a moment by where they are, once for each item that their directory is.
func (m *moment) families() map[spot][]entry {
	all := map[spot][]entry{}
	for _, e := range m.all[1:] {
		for _, dir := range e.Parent {
			s := spot{dir, name.Family(e.Name)}
			all[s] = append(all[s], e)
		}
	}
	return all
}

// marked: every family that shows something else than when this was looked at last is marked for the
// disk, which looks at no other. A directory that was not shown then is looked at whole.
func (w *World) marked(r *Replica) {
	var dirty []journal.Dirty
	w.must(r.tree.Update(func(e *tree.Edit) error {
		err := e.Tx.EachDirty(func(d journal.Dirty) error { dirty = append(dirty, d); return nil })
		if err != nil {
			return err
		}
		for _, d := range dirty {
			if err := e.Tx.ClearDirty(d); err != nil {
				return err
			}
		}
		return nil
	}))
	was, now := r.onDisk, w.look(r)
	r.onDisk = now
	if was == nil {
		return
	}
	before, after := was.families(), now.families()
	spots := maps.Clone(before)
	maps.Copy(spots, after)
	already, dirs := was.directories(), now.directories()
	for s := range spots {
		dir := dirs[s.dir]
		if dir == nil || already[s.dir] == nil || slices.EqualFunc(before[s], after[s], looksSame) {
			continue
		}
		w.check(isMarked(dirty, dir, s.family), "unmarked: %s shows other entries of the family %q in %s, and the disk is not told", r.name, s.family, s.dir)
	}
}

// directories are the items that are directories of m, with those that are one node with each.
func (m *moment) directories() map[item.ID][]item.ID {
	all := map[item.ID][]item.ID{}
	for _, e := range m.dirs() {
		for _, id := range e.IDs {
			all[id] = e.IDs
		}
	}
	return all
}

func isMarked(dirty []journal.Dirty, dir []item.ID, family string) bool {
	return slices.ContainsFunc(dirty, func(d journal.Dirty) bool {
		return slices.Contains(dir, d.Dir) && (d.All || d.Family == family)
	})
}

// looksSame tells whether two nodes are the same on disk.
func looksSame(a, b entry) bool {
	same := a.Name == b.Name && slices.Equal(a.IDs, b.IDs) && maps.Equal(a.Meta, b.Meta)
	return same && (a.Content == nil) == (b.Content == nil) && (a.Content == nil || a.Content.Key() == b.Content.Key())
}
