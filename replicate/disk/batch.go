package disk

import (
	"syncfs/journal"
	"syncfs/journal/name"
	"syncfs/replicate/tree"
)

// A batch is one transaction of the loop. What it changes in memory besides is undone when it fails.
type batch struct {
	*tree.Edit
	f       *Folder
	upTo    uint64 // the order number of the last change it journals
	undos   []func()
	commits []func()
	thaw    func() // lets names change again
}

// update runs fn in a transaction. Programs that look for absent files see all of it or nothing.
func (f *Folder) update(fn func(b *batch) error) error {
	b := &batch{f: f}
	visible := false
	err := f.tree.Update(func(e *tree.Edit) error {
		b.Edit, b.upTo = e, f.journaled
		f.secure()
		if err := fn(b); err != nil {
			return err
		}
		f.visible.Lock()
		visible = true
		return nil
	})
	if err == nil {
		f.journaled = b.upTo
		f.queue.drop(b.upTo)
		f.absent.Store(int64(f.held.absent))
	}
	if visible {
		f.visible.Unlock()
	}
	if b.thaw != nil {
		b.thaw()
	}
	if err != nil {
		for i := len(b.undos) - 1; i >= 0; i-- {
			b.undos[i]()
		}
		return err
	}
	for _, c := range b.commits {
		c()
	}
	return nil
}

// secure makes steps durable whose transaction has failed: they are found on disk, and journaled as found.
func (f *Folder) secure() {
	if !f.loose {
		return
	}
	if err := f.disk.Durable(nil); err != nil {
		f.refuse("", err)
		return
	}
	f.loose = false
	f.accepted("")
}

// freeze has no name change until the transaction is over.
func (b *batch) freeze() error {
	if b.frozen() {
		return nil
	}
	frozen, thaw := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- b.f.disk.Freeze(func() error {
			close(frozen)
			<-thaw
			return nil
		})
	}()
	select {
	case <-frozen:
		b.thaw = func() {
			close(thaw)
			<-ended
		}
		return nil
	case err := <-ended:
		return err
	}
}

// frozen: no name changes until the transaction is over, not by a step either.
func (b *batch) frozen() bool { return b.thaw != nil }

func (b *batch) undo(f func()) { b.undos = append(b.undos, f) }

// then runs f when the transaction is committed.
func (b *batch) then(f func()) { b.commits = append(b.commits, f) }

// put enters what is on disk at a key; was is what the journal had there, if it is known.
func (b *batch) put(a *journal.Applied) error {
	was, err := b.Tx.Applied(a.Parent, a.Name)
	if err != nil {
		return err
	}
	b.count(was, -1)
	b.count(a, +1)
	return b.Tx.PutApplied(a)
}

// drop forgets what was on disk at a key.
func (b *batch) drop(a *journal.Applied) error {
	b.count(a, -1)
	return b.Tx.DeleteApplied(a.Parent, a.Name)
}

// move enters an entry at another key.
func (b *batch) move(a *journal.Applied, to key) (*journal.Applied, error) {
	n := *a
	n.Parent, n.Name = to.dir, to.name
	if err := b.drop(a); err != nil {
		return nil, err
	}
	return &n, b.put(&n)
}

// count keeps what the folder counts of the entries on disk.
func (b *batch) count(a *journal.Applied, n int) {
	if a == nil {
		return
	}
	b.f.held.add(a, n)
	b.undo(func() { b.f.held.add(a, -n) })
}

// A census counts what is on disk, and lists the names that are not their own family's: they can't be
// found by the family.
type census struct {
	files  int
	absent int
	marked map[journal.Slot]map[string]map[string]bool // directory, family, names
}

func (c *census) add(a *journal.Applied, n int) {
	if !a.Dir {
		c.files += n
	}
	if a.Absent {
		c.absent += n
	}
	family := name.Family(a.Name)
	if family == a.Name {
		return
	}
	if n < 0 {
		delete(c.marked[a.Parent][family], a.Name)
		if len(c.marked[a.Parent][family]) == 0 {
			delete(c.marked[a.Parent], family)
		}
		if len(c.marked[a.Parent]) == 0 {
			delete(c.marked, a.Parent)
		}
		return
	}
	if c.marked[a.Parent] == nil {
		c.marked[a.Parent] = map[string]map[string]bool{}
	}
	if c.marked[a.Parent][family] == nil {
		c.marked[a.Parent][family] = map[string]bool{}
	}
	c.marked[a.Parent][family][a.Name] = true
}

// names are those of a family that are on disk in a directory.
func (c *census) names(dir journal.Slot, family string) []string {
	l := []string{family}
	for n := range c.marked[dir][family] {
		l = append(l, n)
	}
	return l
}

// take counts everything below a directory, as it was when the folder was opened.
func (c *census) take(tx *journal.Tx, dir journal.Slot) error {
	return tx.EachApplied(dir, func(a *journal.Applied) error {
		c.add(a, +1)
		if a.Dir {
			return c.take(tx, a.Slot)
		}
		return nil
	})
}
