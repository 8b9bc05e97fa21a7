package tree

import (
	"syncfs/journal/item"
	"syncfs/journal/version"
)

// Adopt takes in what the scan that makes a folder a replica finds. Its ID comes from where it is found,
// and its timestamps are zero, so that what two folders had in common before they met is recognised. A
// peer's state of it may be here already; then the two are joined, as if they met now.
func (e *Edit) Adopt(dir Node, nm string, isDir bool, c item.Content, m Meta) (item.ID, error) {
	ids, err := e.liveFirst(dir.IDs)
	if err != nil {
		return item.Root, err
	}
	id := item.Found(ids[0], nm, isDir)
	known, err := e.Tx.Known(id)
	if err != nil {
		return id, err
	}
	if known == nil {
		return id, e.set(id, found(id, ids[0], nm, isDir, c, m, e.dot()), nil)
	}
	// On disk elsewhere: it was taken in before, and moved.
	if _, _, there, err := e.Tx.Where(id); err != nil {
		return id, err
	} else if there || known.Dir != isDir {
		if isDir {
			return e.Mkdir(dir, nm, m)
		}
		return e.Create(dir, nm, c, m, false)
	}
	d, err := e.realDot()
	if err != nil {
		return id, err
	}
	return id, e.meet(known, found(id, ids[0], nm, isDir, c, m, d))
}

// found is the state of what was found.
func found(id, parent item.ID, nm string, isDir bool, c item.Content, m Meta, d version.Dot) *item.Item {
	it := item.New(id, isDir)
	it.Context[d.Incarnation] = d.Seq
	it.Place = item.Place{Parent: parent, Name: nm}
	c.Timestamp = version.Timestamp{}
	if isDir {
		it.Entries[d] = item.Entry{}
	} else {
		it.Entries[d] = item.Entry{Content: &c}
	}
	setMeta(it, m, version.Timestamp{})
	return it
}

// meet joins what was found with what a peer has told of it. The content found is here, and is shown
// until the peer's is.
func (e *Edit) meet(known, found *item.Item) error {
	older, err := e.Tx.Older(found.ID)
	if err != nil {
		return err
	}
	for _, x := range found.Entries {
		if x.Content != nil && !x.Content.Symlink {
			if err := e.Tx.DeleteWanted(x.Content.Root, found.ID); err != nil {
				return err
			}
		}
	}
	now := item.Join(known, found)
	if older == nil {
		wanted, err := e.lacks(now, found)
		if err != nil {
			return err
		}
		if len(wanted) > 0 {
			older = found
		}
	}
	return e.set(found.ID, now, older)
}
