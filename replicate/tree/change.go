package tree

import (
	"cmp"
	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate/view"
)

// change makes a local change: on the state shown, joined into the state known. So it supersedes what
// was shown and nothing else.
func (e *Edit) change(id item.ID, fn func(*item.Item, version.Dot)) error {
	known, err := e.Tx.Known(id)
	if err != nil {
		return err
	}
	older, err := e.Tx.Older(id)
	if err != nil {
		return err
	}
	d := e.dot()
	n := item.New(id, false)
	if was := cmp.Or(older, known); was != nil {
		n = was.Clone()
	}
	n.Context[d.Incarnation] = d.Seq
	fn(n, d)
	if older == nil {
		return e.set(id, n, nil)
	}
	return e.set(id, item.Join(known, n), n)
}

// touchItem makes a user's change that keeps the item: its mark of presence replaces those seen. Seen is
// the content that the user had before him, nil for what the view shows.
func (e *Edit) touchItem(id item.ID, seen *item.Content, fn func(*item.Item)) error {
	return e.change(id, func(it *item.Item, d version.Dot) {
		mark := item.Entry{Keeps: keeps(it, seen)}
		for x, v := range it.Entries {
			if v.Content == nil {
				delete(it.Entries, x)
			}
		}
		it.Entries[d] = mark
		fn(it)
	})
}

// keeps is the content that a mark made now is to keep.
func keeps(it *item.Item, seen *item.Content) *item.Content {
	l := view.ShownContents(it)
	if len(l) == 0 {
		return nil
	}
	for _, x := range it.Entries {
		if seen != nil && x.Content != nil && x.Content.Key() == seen.Key() {
			return x.Content
		}
	}
	return l[0].Content
}

// edit gives an item new content, which replaces every entry shown but the contents that the user had not
// before him.
func (e *Edit) edit(id item.ID, seen *item.Content, c item.Content, fn func(*item.Item, version.Timestamp)) error {
	return e.change(id, func(it *item.Item, d version.Dot) {
		c.Timestamp = e.now()
		for x, v := range it.Entries {
			if v.Gone || !unseen(v, seen) {
				delete(it.Entries, x)
			}
		}
		it.Entries[d] = item.Entry{Content: &c}
		fn(it, c.Timestamp)
	})
}

// unseen tells whether an entry is a content other than the one that the user had before him.
func unseen(x item.Entry, seen *item.Content) bool {
	return seen != nil && x.Content != nil && x.Content.Key() != seen.Key()
}

// remove marks gone what was seen. What never left the machine, and is the parent of nothing, leaves no
// trace.
func (e *Edit) remove(seen *item.Content, ids ...item.ID) error {
	for _, id := range ids {
		it, err := e.Tx.Shown(id)
		if err != nil {
			return err
		}
		if it == nil || !it.Live() {
			continue
		}
		if none, err := e.traceless(id); err != nil {
			return err
		} else if none {
			if err := e.set(id, nil, nil); err != nil {
				return err
			}
			continue
		}
		if err := e.markGone(id, seen); err != nil {
			return err
		}
	}
	return nil
}

func (e *Edit) markGone(id item.ID, seen *item.Content) error {
	err := e.change(id, func(it *item.Item, _ version.Dot) {
		for x, v := range it.Entries {
			if !unseen(v, seen) {
				v.Gone = true
				it.Entries[x] = v
			}
		}
	})
	if err != nil {
		return err
	}
	known, err := e.Tx.Known(id)
	if err != nil || known.Live() {
		return err
	}
	return e.set(id, known, nil)
}

// traceless tells whether an item never left the machine and is the parent of nothing.
func (e *Edit) traceless(id item.ID) (bool, error) {
	if never, err := e.neverLeft(id); err != nil || !never {
		return false, err
	}
	has, err := e.Tx.HasChild(id)
	return !has, err
}

func (e *Edit) neverLeft(id item.ID) (bool, error) {
	known, err := e.Tx.Known(id)
	if err != nil || known == nil {
		return false, err
	}
	older, err := e.Tx.Older(id)
	return older == nil && len(known.Context) == 1 && known.Context[version.Provisional] > 0, err
}

// single: an operation on twins is made on the first of them; the others are removed.
func (e *Edit) single(ids []item.ID, seen *item.Content) (item.ID, error) {
	return ids[0], e.remove(seen, ids[1:]...)
}

func moveTo(it *item.Item, parent item.ID, nm string, ts version.Timestamp) {
	from := it.Place.From
	if it.Place.Parent != parent {
		from = it.Place.Parent
	}
	it.Place = item.Place{Parent: parent, Name: nm, From: from, Timestamp: ts}
}

// setMeta makes m all the meta of an item.
func setMeta(it *item.Item, m Meta, ts version.Timestamp) {
	for k := range it.Meta {
		it.Meta[k] = item.Register{Absent: true, Timestamp: ts}
	}
	for k, v := range m {
		it.Meta[k] = item.Register{Value: v, Timestamp: ts}
	}
}
