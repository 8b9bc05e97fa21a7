package disk

import (
	"slices"

	"syncfs/journal"
	"syncfs/journal/item"
)

// take is some of the contents that are durable and not with the loop yet.
func (s *staging) take(most int) []content {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.durable[:min(most, len(s.durable))]
	s.durable = s.durable[len(l):]
	return l
}

// putBack undoes take: the transaction that took them failed.
func (s *staging) putBack(l []content) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.durable = slices.Concat(l, s.durable)
}

// entered: contents are in the journal, in staging or in place, or given up.
func (s *staging) entered(l []content) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting -= len(l)
	for _, c := range l {
		s.over(c.root, 1)
	}
}

// lose has what waits for contents that could not be copied be looked at again.
func (s *staging) lose() {
	s.mu.Lock()
	l := s.lost
	s.lost = nil
	s.mu.Unlock()
	for _, root := range l {
		s.f.execution.arrived(root)
	}
}

// arrive journals contents that are durable, where nothing is to be put in place for now. More: there are others.
func (f *Folder) arrive() (more bool, err error) {
	l := f.staging.take(maxFamilies)
	err = f.inParts(len(l), func(b *batch, i int) error {
		if err := b.arrived(l[i]); err != nil {
			return err
		}
		return b.keepStaged(l[i])
	})
	if err != nil {
		f.staging.putBack(l)
		return false, err
	}
	f.staging.entered(l)
	return len(l) == maxFamilies, nil
}

// arrived takes in that a content is in staging, and has what wants it go on. Whoever calls it keeps it there, or
// uses it, in the same transaction.
func (b *batch) arrived(c content) error {
	s := b.f.staging
	empty := c.root == emptyRoot
	if c.list == nil && !empty {
		if _, err := s.signature(c.name); err != nil {
			b.then(func() { b.f.execution.arrived(c.root) })
			return nil // taken away: it is wanted as before
		}
	}
	s.files[c.root] = append(s.files[c.root], c.name)
	b.undo(func() {
		if s.files[c.root] = slices.DeleteFunc(s.files[c.root], func(n string) bool { return n == c.name }); len(s.files[c.root]) == 0 {
			delete(s.files, c.root)
		}
	})
	b.f.execution.arrived(c.root)
	if c.list != nil || empty {
		if err := store(b.Tx, c.root, c.list); err != nil {
			return err
		}
	}
	return b.satisfy(c.root)
}

// satisfy has all go on that want a content which is in staging.
func (b *batch) satisfy(root item.Hash) error {
	ids, err := b.Tx.Wanted(root)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := b.Arrived(id, root); err != nil {
			return err
		}
		if err := b.lookAtItem(id); err != nil {
			return err
		}
	}
	return nil
}

// keepStaged enters a content that has arrived and was not used at once.
func (b *batch) keepStaged(c content) error {
	s := b.f.staging
	if !slices.Contains(s.files[c.root], c.name) {
		return nil
	}
	sig, err := s.signature(c.name)
	if err != nil {
		return nil
	}
	return b.Tx.PutStaged(journal.Staged{Root: c.root, Name: c.name, Signature: sig})
}

// lookAtItem has the executor compare the family of an item with the disk again.
func (b *batch) lookAtItem(id item.ID) error {
	n, ok, err := b.NodeOf(id)
	if err != nil || !ok {
		return err
	}
	return b.lookAt(n)
}
