package tree

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/name"
	"syncfs/replicate/view"
)

// A Node is one entry of the shown tree.
type Node struct {
	view.Node
	Parent []item.ID // the directories, one node, that it is in; nil for the root
	Meta   Meta      // as it is shown
}

// Meta is what is shown of the registers of an item: those that are not absent, by the keys of
// item.Item.Meta. The mtime is that of the content where it is the later.
type Meta map[string]string

// ErrUnreachable: the places above an item do not lead to the root. The state is damaged.
var ErrUnreachable = errors.New("not reachable from the root")

// A View reads the shown tree in one transaction of the journal.
type View struct {
	Tx     *journal.Tx
	undone *undone
}

// Look is the view in a transaction that changes no items.
func Look(tx *journal.Tx) View { return View{Tx: tx, undone: &undone{tx: tx}} }

// Root is the folder itself.
func (v View) Root() Node {
	return Node{Node: view.Node{IDs: []item.ID{item.Root}, Dir: true}}
}

// Lookup is the node of that name in dir.
func (v View) Lookup(dir Node, nm string) (Node, bool, error) {
	nodes, err := v.Family(dir, name.Family(nm))
	if err != nil {
		return Node{}, false, err
	}
	for _, n := range nodes {
		if n.Name == nm {
			return n, true, nil
		}
	}
	return Node{}, false, nil
}

// List is all that dir shows, in no order.
func (v View) List(dir Node) ([]Node, error) {
	families := map[string][]*item.Item{}
	for _, id := range dir.IDs {
		err := v.kids(id, func(it *item.Item) error {
			f := name.Family(it.Place.Name)
			families[f] = append(families[f], it)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	var all []Node
	for _, items := range families {
		nodes, err := v.name(dir, items)
		if err != nil {
			return nil, err
		}
		all = append(all, nodes...)
	}
	return all, nil
}

// Family is what dir shows under the names of one family.
func (v View) Family(dir Node, family string) ([]Node, error) {
	var items []*item.Item
	for _, id := range dir.IDs {
		l, err := v.relatives(id, family)
		if err != nil {
			return nil, err
		}
		items = append(items, l...)
	}
	return v.name(dir, items)
}

// Dir is the directory that an item is shown as, or as a part of.
func (v View) Dir(id item.ID) (Node, bool, error) {
	if id == item.Root {
		return v.Root(), true, nil
	}
	it, err := v.Tx.Shown(id)
	if err != nil || it == nil || !it.Dir {
		return Node{}, false, err
	}
	if ok, err := v.shown(it); err != nil || !ok {
		return Node{}, false, err
	}
	return v.dir(it)
}

func (v View) dir(it *item.Item) (Node, bool, error) {
	ids, err := v.group(it.ID)
	if err != nil {
		return Node{}, false, err
	}
	if ids, err = v.liveFirst(ids); err != nil {
		return Node{}, false, err
	}
	if ids[0] != it.ID {
		if it, err = v.Tx.Shown(ids[0]); err != nil {
			return Node{}, false, err
		}
	}
	parent, err := v.parent(it)
	if err != nil {
		return Node{}, false, err
	}
	up, err := v.group(parent)
	if err != nil {
		return Node{}, false, err
	}
	n := view.Node{IDs: ids, Dir: true, Name: it.Place.Name}
	return Node{Node: n, Parent: up, Meta: shownMeta(it, nil)}, true, nil
}

// NodeOf is where an item, or a copy that is no item yet, is shown.
func (v View) NodeOf(id item.ID) (Node, bool, error) {
	it, err := v.Tx.Shown(id)
	if err == nil && it == nil {
		var base item.ID
		var ok bool
		if base, ok, err = v.Tx.Copy(id); ok && err == nil {
			it, err = v.Tx.Shown(base)
		}
	}
	if err != nil || it == nil {
		return Node{}, false, err
	}
	if it.Dir {
		return v.Dir(id)
	}
	up, ok, err := v.Dir(it.Place.Parent)
	if err != nil || !ok {
		return Node{}, false, err
	}
	nodes, err := v.Family(up, name.Family(it.Place.Name))
	if err != nil {
		return Node{}, false, err
	}
	for _, n := range nodes {
		if slices.Contains(n.IDs, id) {
			return n, true, nil
		}
	}
	return Node{}, false, nil
}

// Path is where n is shown, as in package change.
func (v View) Path(n Node) (string, error) {
	if n.Parent == nil {
		return "", nil
	}
	path := n.Name
	seen := map[item.ID]bool{}
	for id := n.Parent[0]; id != item.Root; {
		it, err := v.Tx.Shown(id)
		if err != nil {
			return "", err
		}
		if it == nil || seen[id] {
			return "", fmt.Errorf("item %v: %w", id, ErrUnreachable)
		}
		seen[id] = true
		path = it.Place.Name + "/" + path
		if id, err = v.parent(it); err != nil {
			return "", err
		}
	}
	return path, nil
}

// name gives the items that dir shows in one family their names.
func (v View) name(dir Node, items []*item.Item) ([]Node, error) {
	if len(items) == 0 {
		return nil, nil
	}
	var failed error
	named := view.Name(items, func(id item.ID) bool {
		it, err := v.Tx.Known(id)
		if err != nil {
			failed = err
		}
		return it != nil
	})
	if failed != nil {
		return nil, failed
	}
	nodes := make([]Node, len(named))
	for i, n := range named {
		id := n.IDs[0]
		if n.IsCopy() {
			id = n.CopyOf
		}
		it := items[slices.IndexFunc(items, func(it *item.Item) bool { return it.ID == id })]
		nodes[i] = Node{Node: n, Parent: dir.IDs, Meta: shownMeta(it, n.Content)}
	}
	return nodes, nil
}

// relatives are the items shown in one directory, not node, under the names of one family.
func (v View) relatives(dir item.ID, family string) ([]*item.Item, error) {
	l, err := v.Tx.Family(dir, family)
	if err != nil {
		return nil, err
	}
	shown := l[:0]
	for _, it := range l {
		ok, err := v.seated(it, dir)
		if err != nil {
			return nil, err
		}
		if ok {
			shown = append(shown, it)
		}
	}
	err = v.strays(dir, func(it *item.Item) error {
		if name.Family(it.Place.Name) == family {
			shown = append(shown, it)
		}
		return nil
	})
	return shown, err
}

// kids calls fn with the items shown in one directory, not node.
func (v View) kids(dir item.ID, fn func(*item.Item) error) error {
	err := v.Tx.Children(dir, func(it *item.Item) error {
		ok, err := v.seated(it, dir)
		if err != nil || !ok {
			return err
		}
		return fn(it)
	})
	if err != nil {
		return err
	}
	return v.strays(dir, fn)
}

// seated tells whether an item that is placed in dir is shown there.
func (v View) seated(it *item.Item, dir item.ID) (bool, error) {
	if parent, err := v.parent(it); err != nil || parent != dir {
		return false, err
	}
	return v.shown(it)
}

// shown tells whether an item is live or a directory above one.
func (v View) shown(it *item.Item) (bool, error) {
	if it.Live() || !it.Dir {
		return it.Live(), nil
	}
	n, err := v.Tx.ShownCount(it.ID)
	return n > 0, err
}

// group is the directories that are one node with dir, itself among them, by ID.
func (v View) group(dir item.ID) ([]item.ID, error) {
	ids, err := v.Tx.Merged(dir)
	if err != nil || len(ids) > 0 {
		return ids, err
	}
	return []item.ID{dir}, nil
}

// liveFirst orders directories as a node has them: live ones first, then by ID.
func (v View) liveFirst(ids []item.ID) ([]item.ID, error) {
	if len(ids) == 1 {
		return ids, nil
	}
	var live, other []item.ID
	for _, id := range ids {
		it, err := v.Tx.Shown(id)
		if err != nil {
			return nil, err
		}
		if it != nil && it.Live() {
			live = append(live, id)
		} else {
			other = append(other, id)
		}
	}
	slices.SortFunc(live, item.ID.Compare)
	slices.SortFunc(other, item.ID.Compare)
	return append(live, other...), nil
}

// shownMeta is what is shown of an item's registers beside a content of it.
func shownMeta(it *item.Item, c *item.Content) Meta {
	m := Meta{}
	for k, r := range it.Meta {
		if !r.Absent && k != item.MTime {
			m[k] = r.Value
		}
	}
	if c != nil {
		m[item.MTime] = strconv.FormatInt(it.ShownMTime(c), 10)
	}
	return m
}
