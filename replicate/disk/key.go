package disk

import (
	"cmp"
	"strconv"
	"strings"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/replicate/tree"
	"syncfs/replicate/view"
)

// A key is where an entry is on disk: a name in a directory. It stays right when a directory above is
// renamed, which a path does not.
type key struct {
	dir  journal.Slot
	name string
}

// find is the key of a path. It is false where a directory above is not known, and for the folder
// itself, which is in no directory.
func find(tx *journal.Tx, path string) (key, bool, error) {
	if path == "" {
		return key{}, false, nil
	}
	up, name := split(path)
	dir, ok, err := findDir(tx, up)
	return key{dir, name}, ok, err
}

// findDir is the slot of a directory.
func findDir(tx *journal.Tx, path string) (journal.Slot, bool, error) {
	var slot journal.Slot
	for path != "" {
		name, rest, _ := strings.Cut(path, "/")
		a, err := tx.Applied(slot, name)
		if err != nil || a == nil || !a.Dir {
			return 0, false, err
		}
		slot, path = a.Slot, rest
	}
	return slot, true, nil
}

func split(path string) (dir, name string) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:]
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// path is where a key is on disk.
func (k key) path(tx *journal.Tx) (string, error) {
	dir, err := tx.SlotPath(k.dir)
	return join(dir, k.name), err
}

func (k key) applied(tx *journal.Tx) (*journal.Applied, error) { return tx.Applied(k.dir, k.name) }

// compare orders keys as the journal does.
func (k key) compare(o key) int {
	return cmp.Or(cmp.Compare(k.dir, o.dir), cmp.Compare(k.name, o.name))
}

func at(a *journal.Applied) key { return key{a.Parent, a.Name} }

// owners are the items that a directory on disk is.
func owners(tx *journal.Tx, slot journal.Slot) ([]item.ID, error) {
	if slot == 0 {
		return []item.ID{item.Root}, nil
	}
	a, err := tx.AppliedSlot(slot)
	if err != nil || a == nil {
		return nil, err
	}
	return a.IDs, nil
}

// seen is an entry on disk in the words of the tree: what a program that changes it has seen. Of a copy, which the
// journal may have no more, that is the attributes too, but for the extended ones.
func seen(tx *journal.Tx, a *journal.Applied) (tree.Node, error) {
	up, err := owners(tx, a.Parent)
	n := tree.Node{
		Node: view.Node{
			IDs: a.IDs, Dir: a.Dir, Name: a.Name, Content: a.Content, CopyOf: a.CopyOf, CopyDots: a.CopyDots,
		},
		Parent: up,
	}
	if n.IsCopy() {
		n.Meta = tree.Meta{item.Mode: octal(a.Mode)}
		if a.MTime != a.Content.MTime {
			n.Meta[item.MTime] = strconv.FormatInt(a.MTime, 10)
		}
	}
	return n, err
}

// seenDir is a directory on disk in the words of the tree.
func seenDir(tx *journal.Tx, slot journal.Slot) (tree.Node, error) {
	ids, err := owners(tx, slot)
	return tree.Node{Node: view.Node{IDs: ids, Dir: true}}, err
}
