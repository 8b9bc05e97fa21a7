package disk

import (
	"maps"
	"time"

	"syncfs/journal"
	"syncfs/journal/step"
)

// What can't be read is not journaled: a file or directory from which its owner has taken the right, a sector that is
// broken. It is told of in status, no flush is complete while there is any, and it is tried again: when a program changes
// its attributes, when a flush asks for it, and now and then.

// How long after what can't be read is tried again: twice as long each time.
const (
	rereadFirst = 10 * time.Second
	rereadMost  = 10 * time.Minute
)

// unread is what can't be read. Its methods are the loop's; the errors are guarded by Folder.mu.
type unread struct {
	errs map[key]error // of files, and of directories under a key without a name
	wait time.Duration // between the last two tries
	soon bool          // a timer runs for the next
}

// cantRead notes what could not be read. It is told once, until it is another error.
func (f *Folder) cantRead(k key, path string, err error) {
	f.mu.Lock()
	was := f.unread.errs[k]
	f.unread.errs[k] = err
	f.mu.Unlock()
	if was == nil || was.Error() != err.Error() {
		f.log.Warn("can't be read", "path", path, "err", err)
	}
	f.rereadLater()
}

// couldRead takes back what was noted of a key: it was read, or is gone.
func (f *Folder) couldRead(k key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.unread.errs, k)
}

// isUnread says whether something at a key could not be read.
func (f *Folder) isUnread(k key) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.unread.errs[k] != nil
}

// unreadKeys is where something is that could not be read.
func (f *Folder) unreadKeys() map[key]error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.unread.errs)
}

// toDo is the work at a key, which is about to go: also if it was tried in vain.
func (b *batch) toDo(k key) (work, bool) {
	w, ok := b.f.works.get(k)
	if !ok && b.f.isUnread(k) {
		w, ok = work{whole: true}, true
		b.then(func() { b.f.couldRead(k) })
	}
	return w, ok
}

func (f *Folder) rereadLater() {
	u := &f.unread
	if u.soon {
		return
	}
	if u.soon = len(f.unreadKeys()) > 0; !u.soon {
		u.wait = 0
		return
	}
	u.wait = min(max(2*u.wait, rereadFirst), rereadMost)
	f.later(u.wait, func(b *batch) error {
		b.then(func() {
			u.soon = false
			f.rereadLater()
		})
		return b.rereadAll()
	})
}

// rereadAll has all tried again that could not be read.
func (b *batch) rereadAll() error {
	for k := range b.f.unreadKeys() {
		if err := b.rereadAt(k); err != nil {
			return err
		}
	}
	return nil
}

// reread has what could not be read at a key, if anything, tried again.
func (b *batch) reread(k key) error {
	if !b.f.isUnread(k) {
		return nil
	}
	return b.rereadAt(k)
}

func (b *batch) rereadAt(k key) error {
	path, kind, err := k.unreadPath(b.Tx)
	if err != nil {
		b.then(func() { b.f.couldRead(k) }) // its directory is gone
		return nil
	}
	st, err := b.f.disk.Stat(path)
	switch {
	case notExist(err) || err == nil && st.Kind != kind:
		b.then(func() { b.f.couldRead(k) })
	case kind == step.Dir:
		b.then(func() { b.f.scanner.ask(k.dir) })
	default:
		if _, ok := b.f.works.get(k); !ok {
			b.setWork(k, work{whole: true, inode: st.Signature.Ino})
		}
	}
	return nil
}

// unreadPath is where on disk something is that could not be read, and what it was.
func (k key) unreadPath(tx *journal.Tx) (string, step.Kind, error) {
	if k.name != "" {
		path, err := k.path(tx)
		return path, step.File, err
	}
	path, err := tx.SlotPath(k.dir)
	return path, step.Dir, err
}

// unreadable is what can't be read, by path, and why.
func (f *Folder) unreadable(tx *journal.Tx) (l []Refusal) {
	for k, err := range f.unreadKeys() {
		if path, _, gone := k.unreadPath(tx); gone == nil {
			l = append(l, Refusal{path, err})
		}
	}
	return l
}
