package tree

import (
	"slices"

	"syncfs/journal/item"
	"syncfs/journal/name"
	"syncfs/journal/version"
	"syncfs/replicate/view"
)

// A Conflict is a file that lost its name to another: shown under a conflict name by the view, or
// written down as that.
type Conflict struct {
	Node      Node
	Path      string
	Of        string // the path whose name it lost
	Timestamp version.Timestamp
}

// Conflicts are the open conflicts, oldest first.
func (v View) Conflicts() ([]Conflict, error) {
	var all []Conflict
	met := map[item.ID]bool{}
	err := v.Tx.EachConflict(func(dir item.ID, family string) error {
		up, ok, err := v.Dir(dir)
		if err != nil || !ok {
			return err
		}
		nodes, err := v.Family(up, family)
		if err != nil {
			return err
		}
		for _, n := range nodes {
			if !isConflict(n) || met[n.IDs[0]] {
				continue
			}
			met[n.IDs[0]] = true
			c, err := v.conflict(n)
			if err != nil {
				return err
			}
			all = append(all, c)
		}
		return nil
	})
	slices.SortFunc(all, func(a, b Conflict) int {
		if c := a.Timestamp.Compare(b.Timestamp); c != 0 {
			return c
		}
		return a.Node.IDs[0].Compare(b.Node.IDs[0])
	})
	return all, err
}

func isConflict(n Node) bool {
	return !n.Dir && (n.IsCopy() || n.Repaired || name.Marked(n.Name))
}

func (v View) conflict(n Node) (Conflict, error) {
	c := Conflict{Node: n}
	var err error
	if c.Path, err = v.Path(n); err != nil {
		return c, err
	}
	c.Of = c.Path[:len(c.Path)-len(n.Name)] + name.Family(n.Name)
	if n.IsCopy() {
		c.Timestamp = n.Content.Timestamp
		return c, nil
	}
	it, err := v.Tx.Shown(n.IDs[0])
	if err != nil {
		return c, err
	}
	c.Timestamp = it.Place.Timestamp
	return c, nil
}

// noteConflicts keeps the list of the families that show a conflict, each in every directory of its node
// that has a part in it.
func (e *Edit) noteConflicts() error {
	for s := range e.touched {
		group, err := e.group(s.dir)
		if err != nil {
			return err
		}
		nodes, err := e.Family(Node{Node: view.Node{IDs: group}}, s.family)
		if err != nil {
			return err
		}
		open := slices.ContainsFunc(nodes, isConflict)
		for _, dir := range group {
			if err := e.noteConflict(spot{dir, s.family}, open); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Edit) noteConflict(s spot, open bool) error {
	if open {
		items, err := e.relatives(s.dir, s.family)
		if err != nil {
			return err
		}
		if len(items) > 0 {
			return e.Tx.NoteConflict(s.dir, s.family, true)
		}
	}
	return e.Tx.NoteConflict(s.dir, s.family, false)
}
