package view

import "syncfs/journal/item"

// Undone follows the places up from id. Where they end in a cycle it gives the directory of it that
// was placed last, and the parent that it is shown in instead: the one it came from where that is
// rooted, else the root. At gives the state shown of an item, nil where there is none.
func Undone(id item.ID, at func(item.ID) *item.Item) (last, parent item.ID, ok bool) {
	on := inCycle(id, at)
	if on == nil {
		return item.Root, item.Root, false
	}
	l := on
	for x := at(on.Place.Parent); x.ID != on.ID; x = at(x.Place.Parent) {
		if c := l.Place.Compare(x.Place); c < 0 || c == 0 && l.ID.Compare(x.ID) < 0 {
			l = x
		}
	}
	if Rooted(l.Place.From, at) {
		return l.ID, l.Place.From, true
	}
	return l.ID, item.Root, true
}

// Rooted tells whether the places from id upwards lead to the root, by directories alone.
func Rooted(id item.ID, at func(item.ID) *item.Item) bool {
	slow, move := id, false
	for id != item.Root {
		it := at(id)
		if it == nil || !it.Dir {
			return false
		}
		if id = it.Place.Parent; id == slow {
			return false
		}
		if move = !move; move {
			slow = at(slow).Place.Parent
		}
	}
	return true
}

// inCycle is an item of the cycle that the places from id upwards end in; nil where they end.
func inCycle(id item.ID, at func(item.ID) *item.Item) *item.Item {
	slow, move := id, false
	for id != item.Root {
		it := at(id)
		if it == nil {
			return nil
		}
		if id = it.Place.Parent; id == slow {
			return at(slow)
		}
		if move = !move; move {
			slow = at(slow).Place.Parent
		}
	}
	return nil
}
