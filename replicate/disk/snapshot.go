package disk

import (
	"errors"
	"slices"
	"time"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/step"
	"syncfs/replicate/chunk"
	"syncfs/replicate/tree"
)

// A file that was written while it was read is read again, a few times.
const (
	maxTries = 4
	retake   = 50 * time.Millisecond
)

// bulky is the number of chunks from which a list is stored in transactions of its own.
const bulky = 1000

// atOnce is how many files a worker is given at most: of few, one.
const atOnce = 16

// hand gives workers what is ready, as many as they take.
func (f *Folder) hand() error {
	for len(f.jobs) < cap(f.jobs) {
		var l []job
		err := f.journal.View(func(tx *journal.Tx) error {
			for n := min(1+len(f.works.todo)/atOnce, atOnce); len(l) < n; {
				k, w, ok := f.works.next()
				if !ok {
					return nil
				}
				j, err := jobOf(tx, k, w)
				if err != nil {
					return err
				}
				l = append(l, j)
			}
			return nil
		})
		if err != nil || len(l) == 0 {
			return err
		}
		f.jobs <- l
	}
	return nil
}

func jobOf(tx *journal.Tx, k key, w work) (j job, err error) {
	j = job{key: k, number: w.number}
	if j.path, err = k.path(tx); err != nil || w.whole || len(w.ranges) == 0 {
		return j, err
	}
	a, err := k.applied(tx)
	if err != nil || a == nil || a.Absent || a.Content == nil || a.Content.Symlink {
		return j, err
	}
	j.ranges = w.ranges
	j.old, err = list(tx, a.Content.Root)
	return j, err
}

// commitAll journals what workers found.
func (f *Folder) commitAll(l []taken) error {
	return f.inParts(len(l), func(b *batch, i int) error {
		t := l[i]
		w, ok := f.works.get(t.key)
		if !ok || w.number != t.number {
			return nil
		}
		path, err := t.key.path(b.Tx)
		if err != nil {
			return err
		}
		if path != t.path || f.queue.touches(b.upTo, path) {
			b.setWork(t.key, w) // the path read leads elsewhere, or will as the queue says
			return nil
		}
		if err := b.mistaken(w, &t); err != nil {
			return err
		}
		if t.err == nil && t.stat.Nlink > 1 && !b.still(t) {
			t.err = errMoving
		}
		if again := notExist(t.err) || errors.Is(t.err, errMoving); again && w.tries < maxTries {
			w.tries++
			f.later(time.Duration(w.tries)*retake, func(b *batch) error {
				if now, ok := f.works.get(t.key); ok && now.number == t.number {
					b.setWork(t.key, w)
				}
				return nil
			})
			return nil
		}
		b.dropWork(t.key)
		if t.err == nil {
			return b.commit(t.key, t)
		}
		return b.untaken(t.key, path, t.err)
	})
}

// still tells whether a file of several names is as it was read: what was written meanwhile by a name that is gone nobody
// says any more.
func (b *batch) still(t taken) bool {
	st, err := b.f.disk.Stat(t.path)
	return err == nil && sameBytes(st.Signature, t.stat.Signature)
}

// mistaken has what was read count for nothing where it is not of the file meant: another was at its path just then.
func (b *batch) mistaken(w work, t *taken) error {
	inode := w.inode
	if inode == 0 {
		a, err := t.key.applied(b.Tx)
		if err != nil {
			return err
		}
		if a != nil && !a.Absent {
			inode = a.Signature.Ino
		}
	}
	if t.err == nil && inode != 0 && t.stat.Signature.Ino != inode {
		t.err = errMoving
	}
	return nil
}

// untaken: a content could not be read, if not because there is no such file there any more.
func (b *batch) untaken(k key, path string, err error) error {
	if st, serr := b.f.disk.Stat(path); notExist(serr) || serr == nil && st.Kind != step.File || errors.Is(err, errMoving) {
		return b.lookAgain(path)
	}
	b.then(func() { b.f.cantRead(k, path, err) })
	return nil
}

// commit journals the content of a file or symlink at k.
func (b *batch) commit(k key, t taken) error {
	b.f.unsafe.Store(true)
	a, err := k.applied(b.Tx)
	if err != nil {
		return err
	}
	if a != nil && a.Dir {
		return nil // a directory by now, as the queue will tell
	}
	if a == nil && !t.made {
		if moved, err := b.isMoved(k, t.stat); err != nil || moved {
			return err
		}
	}
	n := &journal.Applied{
		Parent: k.dir, Name: k.name, Content: &t.content, Signature: t.stat.Signature, Racy: t.racy,
		Mode: t.stat.Mode & modeBits, MTime: t.content.MTime, XAttrs: digest(t.xattrs),
	}
	if a == nil {
		err = b.commitNew(k, n, t)
	} else {
		err = b.commitOver(a, n, t)
	}
	if err != nil {
		return err
	}
	if err := b.put(n); err != nil {
		return err
	}
	if err := b.unmark(n); err != nil || t.content.Symlink {
		return err
	}
	if err := b.serve(t.content.Root); err != nil {
		return err
	}
	b.then(func() {
		b.f.accepted(t.path)
		b.f.couldRead(k)
	})
	if n.Group != item.Root {
		if err := b.lookAtItem(n.IDs[0]); err != nil { // what waited for it may be one file with it again
			return err
		}
	}
	if t.stat.Nlink > 1 {
		if err := b.commitByOthers(n, t); err != nil {
			return err
		}
	}
	return keep(b.Tx, t.content.Root, t.list)
}

// isMoved tells whether what is at k is a file that the journal has elsewhere: moved before anybody looked. It is for a
// scan to find that, and what else is new of it.
func (b *batch) isMoved(k key, st step.Stat) (bool, error) {
	was, _, err := b.movedFrom(k, st)
	if err != nil || was == nil {
		return false, err
	}
	path, err := k.path(b.Tx)
	if err != nil {
		return false, err
	}
	return true, b.lookAgain(path)
}

// commitByOthers journals what was written to a file by one of its names, n, under the others: at once, so that no
// peer sees the names differ.
func (b *batch) commitByOthers(n *journal.Applied, t taken) error {
	differs := func(a *journal.Applied) bool {
		return a.Signature != n.Signature || !sameAttrs(a, n) || a.Content.Key() != n.Content.Key()
	}
	return b.otherNames(n, differs, func(b *batch, a *journal.Applied, path string) error {
		m := *n
		m.Parent, m.Name = a.Parent, a.Name
		if err := b.commitOver(a, &m, t); err != nil {
			return err
		}
		b.then(func() { b.f.accepted(path) })
		return b.put(&m)
	})
}

// commitNew: a file that was on disk nowhere. If it is what the tree shows there, nothing was done but
// what a step of the executor or a like-minded program did.
func (b *batch) commitNew(k key, n *journal.Applied, t taken) error {
	m, ok, err := b.missing(k)
	if err != nil {
		return err
	}
	if ok && !m.Dir && m.Content.Key() == t.content.Key() {
		n.IDs, n.CopyOf, n.CopyDots, n.Content = m.IDs, m.CopyOf, m.CopyDots, m.Content
		if err := b.haveFor(m.IDs, t.content.Root); err != nil {
			return err
		}
		if err := b.regroupShown(n, m, t.stat.Nlink); err != nil {
			return err
		}
		return b.lookAt(m)
	}
	dir, err := seenDir(b.Tx, k.dir)
	if err != nil {
		return err
	}
	var id item.ID
	if meta := metaOf(t.stat, t.xattrs); b.f.scanner.first() {
		id, err = b.Adopt(dir, k.name, false, t.content, meta)
	} else {
		id, err = b.Create(dir, k.name, t.content, meta, false)
	}
	n.IDs = []item.ID{id}
	if err != nil || t.content.Symlink || t.stat.Nlink < 2 {
		return err
	}
	return b.regroup(n, nil, t.stat.Nlink)
}

// commitOver: a file was on disk already, or known to be missing there.
func (b *batch) commitOver(a, n *journal.Applied, t taken) error {
	n.IDs, n.CopyOf, n.CopyDots, n.Group = a.IDs, a.CopyOf, a.CopyDots, a.Group
	held, err := b.Tx.Held(a.IDs[0])
	if err != nil {
		return err
	}
	other := !t.content.Symlink && (held || !a.Absent && a.Signature.Ino != n.Signature.Ino)
	attrs := *a
	if same := a.Content != nil && a.Content.Key() == t.content.Key(); same && !held {
		n.Content = a.Content
		attrs.Signature = n.Signature
		if err := b.changeAttrs(&attrs, t.stat, n.MTime, t.xattrs); err != nil {
			return err
		}
		n.CopyOf, n.CopyDots = attrs.CopyOf, attrs.CopyDots
		if other {
			return b.regroup(n, a, t.stat.Nlink)
		}
		return nil
	}
	if err := b.haveFor(a.IDs, t.content.Root); err != nil {
		return err
	}
	shown, ok, err := b.NodeOf(a.IDs[0])
	if err != nil {
		return err
	}
	if ok && !held && shown.Content != nil && shown.Content.Key() == t.content.Key() {
		n.IDs, n.CopyOf, n.CopyDots, n.Content = shown.IDs, shown.CopyOf, shown.CopyDots, shown.Content
		if other && t.stat.Nlink > 1 {
			if err := b.regroupShown(n, shown, t.stat.Nlink); err != nil {
				return err
			}
		}
		return b.lookAt(shown)
	}
	k, err := seen(b.Tx, a)
	if err != nil {
		return err
	}
	if k.IsCopy() { // it may be no more
		k.Meta = metaOf(t.stat, t.xattrs)
	}
	id, err := b.Write(k, t.content)
	if err != nil {
		return err
	}
	n.IDs, n.CopyOf, n.CopyDots = []item.ID{id}, item.ID{}, nil
	attrs.IDs, attrs.CopyOf, attrs.CopyDots, attrs.Content = n.IDs, n.CopyOf, nil, n.Content
	if err := b.changeAttrs(&attrs, t.stat, attrs.MTime, t.xattrs); err != nil || !other {
		return err
	}
	return b.regroup(n, a, t.stat.Nlink)
}

// haveFor notes that a content which an item wants is on disk, at its own place: put there just before a crash,
// or written by a program of the same mind.
func (b *batch) haveFor(ids []item.ID, root item.Hash) error {
	wanting, err := b.Tx.Wanted(root)
	for _, id := range wanting {
		if err == nil && slices.Contains(ids, id) {
			err = b.Arrived(id, root)
		}
	}
	return err
}

// unmark takes the mark of a family away where a alone is what the tree shows of it and what is on disk, as it is
// once most changes that programs make are journaled: there is nothing for the executor to do.
func (b *batch) unmark(a *journal.Applied) error {
	up, err := owners(b.Tx, a.Parent)
	if err != nil || len(up) != 1 || len(b.f.held.names(a.Parent, family(a.Name))) > 1 {
		return err
	}
	d, ok, err := b.Tx.Dirty(up[0], family(a.Name))
	if err != nil || !ok {
		return err
	}
	dir, ok, err := b.Dir(up[0])
	if err != nil || !ok || len(dir.IDs) != 1 {
		return err
	}
	nodes, err := b.Family(dir, d.Family)
	if err != nil || len(nodes) != 1 || !isAs(a, nodes[0]) || a.Group != item.Root {
		return err
	}
	delete(b.f.execution.blocked, subject{d.Dir, d.Family})
	return b.Tx.ClearDirty(d)
}

// isAs tells whether a file or symlink on disk is as a node shows it.
func isAs(a *journal.Applied, n tree.Node) bool {
	if n.Dir || n.IsCopy() || a.CopyOf != (item.ID{}) || a.Absent || a.Name != n.Name || !slices.Equal(a.IDs, n.IDs) {
		return false
	}
	shown := entry(n, at(a))
	if a.Content.Key() != n.Content.Key() || a.Content.Symlink {
		return a.Content.Key() == n.Content.Key() && a.MTime == shown.MTime
	}
	return a.Group == shown.Group && sameAttrs(a, shown)
}

// lookAt has the executor compare a node with the disk again.
func (b *batch) lookAt(n tree.Node) error {
	if n.Parent == nil {
		return nil
	}
	for _, id := range n.Parent {
		delete(b.f.execution.blocked, subject{id, family(n.Name)})
	}
	b.f.execution.soon(subject{n.Parent[0], family(n.Name)})
	return b.Tx.MarkDirty(n.Parent[0], family(n.Name))
}

// keep stores the chunks of a content.
func keep(tx *journal.Tx, root item.Hash, l chunk.List) error {
	if len(l) >= bulky {
		return nil // done before, by whoever made the list
	}
	if have, err := tx.List(root); err != nil || have != nil {
		return err
	}
	return store(tx, root, l)
}

// store is keep of a content that is not known, as most that come.
func store(tx *journal.Tx, root item.Hash, l chunk.List) error {
	if len(l) >= bulky {
		return nil
	}
	enc, err := l.MarshalBinary()
	if err != nil {
		return err
	}
	if err := tx.PutList(root, enc); err != nil {
		return err
	}
	return keepChunks(tx, root, 0, l)
}

func keepChunks(tx *journal.Tx, root item.Hash, offset int64, l chunk.List) error {
	for o, c := range l.All() {
		if err := tx.PutChunk(c.Hash, journal.Location{Root: root, Offset: offset + o, Length: c.Size}); err != nil {
			return err
		}
	}
	return nil
}

// keepBulky stores a list that is too long for a transaction with anything else.
func (f *Folder) keepBulky(root item.Hash, l chunk.List) error {
	enc, err := l.MarshalBinary()
	if err != nil {
		return err
	}
	var offset int64
	for part := range slices.Chunk(l, bulky) {
		err := f.journal.Update(func(tx *journal.Tx) error { return keepChunks(tx, root, offset, part) })
		if err != nil {
			return err
		}
		offset += chunk.List(part).Size()
	}
	return f.journal.PutList(root, enc)
}

// list is the chunks of a content; nil where they are not known.
func list(tx *journal.Tx, root item.Hash) (chunk.List, error) {
	enc, err := tx.List(root)
	if err != nil || enc == nil {
		return nil, err
	}
	return chunk.Unmarshal(enc)
}
