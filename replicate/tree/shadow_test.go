package tree_test

import (
	"fmt"
	"maps"
	"slices"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/name"
	"syncfs/replicate/tree"
)

// A shadow is what a disk would show that looks again only at what is marked dirty: for each directory
// by its ID, family by family, its nodes.
type shadow map[item.ID]map[string][]string

// follow looks again at what is dirty.
func (s shadow) follow(r *replica) {
	r.w.t.Helper()
	r.w.must(r.Update(func(e *tree.Edit) error {
		var marks []journal.Dirty
		err := e.Tx.EachDirty(func(d journal.Dirty) error { marks = append(marks, d); return nil })
		for _, d := range marks {
			if err == nil {
				err = s.look(e.View, d)
			}
			if err == nil {
				err = e.Tx.ClearDirty(d)
			}
		}
		return err
	}))
}

func (s shadow) look(v tree.View, d journal.Dirty) error {
	dir, ok, err := v.Dir(d.Dir)
	if err != nil {
		return err
	}
	if !ok {
		delete(s, d.Dir)
		return nil
	}
	var now map[string][]string
	if d.All {
		now, err = families(v, dir)
	} else {
		var nodes []tree.Node
		if nodes, err = v.Family(dir, d.Family); err == nil {
			now = map[string][]string{d.Family: signs(nodes)}
		}
	}
	for _, id := range dir.IDs {
		if d.All || s[id] == nil {
			s[id] = map[string][]string{}
		}
		for f, l := range now {
			s[id][f] = l
			if len(l) == 0 {
				delete(s[id], f)
			}
		}
	}
	return err
}

func families(v tree.View, dir tree.Node) (map[string][]string, error) {
	nodes, err := v.List(dir)
	by := map[string][]tree.Node{}
	for _, n := range nodes {
		f := name.Family(n.Name)
		by[f] = append(by[f], n)
	}
	m := map[string][]string{}
	for f, l := range by {
		m[f] = signs(l)
	}
	return m, err
}

func signs(nodes []tree.Node) []string {
	var l []string
	for _, n := range nodes {
		l = append(l, sign(n.Node)+fmt.Sprint(n.Meta))
	}
	slices.Sort(l)
	return l
}

// check holds the shadow against what each directory shows.
func (s shadow) check(r *replica) {
	r.w.t.Helper()
	r.view(func(v tree.View) error {
		var walk func(dir tree.Node, path string) error
		walk = func(dir tree.Node, path string) error {
			want, err := families(v, dir)
			if err != nil {
				return err
			}
			for _, id := range dir.IDs {
				if !maps.EqualFunc(s[id], want, slices.Equal[[]string]) {
					return fmt.Errorf("%s: not marked dirty in %q: a disk shows\n%v\nthe view\n%v", r.name, path, s[id], want)
				}
			}
			nodes, err := v.List(dir)
			for _, n := range nodes {
				if n.Dir && err == nil {
					err = walk(n, path+"/"+n.Name)
				}
			}
			return err
		}
		return walk(v.Root(), "")
	})
}
