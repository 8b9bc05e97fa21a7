package fusefs

import (
	"context"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"syncfs/fusefs/backing"
	"syncfs/journal/signature"
	"syncfs/journal/step"
)

// Backing returns the folder underneath.
func (m *Mounted) Backing() *backing.Folder { return m.v.folder }

// Stat is lstat(2) of the folder underneath.
func (m *Mounted) Stat(path string) (step.Stat, error) { return m.v.folder.Stat(path) }

// List returns the entries of the directory at path underneath.
func (m *Mounted) List(path string) ([]step.Stat, error) { return m.v.folder.List(path) }

// Open opens the regular file at path underneath for reading.
func (m *Mounted) Open(path string) (*os.File, error) { return m.v.folder.Open(path) }

// Read returns up to limit bytes at an offset of the regular file at path underneath.
func (m *Mounted) Read(path string, offset, limit int64) ([]byte, error) {
	return m.v.folder.Read(path, offset, limit)
}

// Readlink returns the target of the symlink at path.
func (m *Mounted) Readlink(path string) (string, error) { return m.v.folder.Readlink(path) }

// XAttrs returns the user.* attributes of what is at path.
func (m *Mounted) XAttrs(path string) (map[string]string, error) { return m.v.folder.XAttrs(path) }

// Place puts what is staged at path. What is replaced goes to trash.
func (m *Mounted) Place(staged, path string, old signature.Signature) (step.Stat, uint64, error) {
	s := &doing{sig: old, path: path, staged: staged}
	err := m.step("place", s, order{Op: opPlace, From: staged, To: path}, func(at []target) error {
		return m.v.placeStep(s, staged, at[0])
	}, path)
	if err == nil && s.stat == (step.Stat{}) {
		err = step.ErrChanged // it was a name of the same file already: rename(2) leaves both, and asks nobody
	}
	if err != nil {
		m.v.table.unplaced(staged)
	}
	return s.stat, s.order, err
}

// Move renames what is at from, which must be free at to.
func (m *Mounted) Move(from, to string, sig signature.Signature) (step.Stat, uint64, error) {
	s := &doing{sig: sig, path: from, to: to}
	err := m.step("move", s, order{Op: opMove, From: from, To: to}, func(at []target) error {
		return m.v.moveStep(s, at[0], at[1])
	}, from, to)
	return s.stat, s.order, err
}

// Exchange has what is at from and what is at to change places.
func (m *Mounted) Exchange(from, to string, sig, other signature.Signature) (there, back step.Stat, n uint64, err error) {
	s := &doing{sig: sig, other: other, path: from, to: to}
	err = m.step("exchange", s, order{Op: opExchange, From: from, To: to}, func(at []target) error {
		return m.v.exchangeStep(s, at[0], at[1])
	}, from, to)
	if err == nil && s.stat == (step.Stat{}) {
		err = step.ErrChanged // they are two names of one file: rename(2) leaves both, and asks nobody
	}
	return s.stat, s.back, s.order, err
}

// Remove moves the file or symlink at path to trash, or removes the empty directory.
func (m *Mounted) Remove(path string, sig signature.Signature) (uint64, error) {
	s := &doing{sig: sig, path: path}
	o := order{Op: opRemove, To: path}
	if st, err := m.v.folder.Stat(path); err == nil && st.Kind == step.Dir {
		o.Op = opRmdir
	}
	err := m.step("remove", s, o, func(at []target) error { return m.v.removeStep(s, at[0]) }, path)
	return s.order, err
}

// Attr sets attributes of what is at path. Nothing is reported.
func (m *Mounted) Attr(path string, sig signature.Signature, a step.Attr) (step.Stat, uint64, error) {
	s := &doing{sig: sig, path: path, attr: true}
	err := m.step("attr", s, order{Op: opAttr, To: path, Attr: attrsOf(a)}, func(at []target) (err error) {
		return m.v.whileStill(at[0].At, func(*unix.Stat_t, *file) error {
			_, err = at[0].At.Attr(sig, a)
			s.passed = err == nil
			return err
		})
	}, path)
	if err == nil {
		err = m.attrMade(s)
	}
	if err != nil {
		return step.Stat{}, s.order, err
	}
	return s.stat, s.order, nil
}

// attrMade takes the stat of what a step has set attributes of. Something else may be at its path by now; and if there was
// nothing to be set, nothing has been compared yet.
func (m *Mounted) attrMade(s *doing) error {
	m.v.names.RLock()
	defer m.v.names.RUnlock()
	st, err := m.v.folder.Stat(s.path)
	switch k := statKey(st); {
	case err != nil:
		return err
	case k != (key{s.sig.Dev, s.sig.Ino}) || !s.passed && st.Kind != step.Dir && st.Signature != s.sig:
		return &fs.PathError{Op: "attr", Path: s.path, Err: step.ErrChanged}
	case !s.passed:
		s.order = m.v.order.Load()
	}
	s.stat = st
	return nil
}

// step makes a step: underneath, where no program knows the directories, and else by an order to the
// helper, so that the kernel's caches are right and watchers are told.
func (m *Mounted) step(op string, s *doing, o order, direct func([]target) error, paths ...string) error {
	m.steps.Lock()
	defer m.steps.Unlock()
	done, err := m.direct(s, direct, paths)
	if !done {
		err = m.through(s, o, paths)
	}
	if s.staged == "" || m.ended() {
		m.walked.clear()
	}
	if err == nil {
		return nil
	}
	if _, told := err.(*fs.PathError); told {
		return err
	}
	return &fs.PathError{Op: op, Path: paths[len(paths)-1], Err: err}
}

// ended: the folder is not mounted any more, and what is done in it is not seen.
func (m *Mounted) ended() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// direct makes a step underneath if no program would notice. names is held, so none can come to know of
// the directories meanwhile.
func (m *Mounted) direct(s *doing, fn func([]target) error, paths []string) (done bool, err error) {
	m.v.names.Lock()
	defer m.v.names.Unlock()
	var all []target
	for _, path := range paths {
		if path == "" {
			return false, nil
		}
		t, through, err := m.aim(s, path)
		if err != nil {
			return true, err
		}
		all = append(all, t)
		if through {
			return false, nil
		}
	}
	s.order = m.v.order.Load()
	return true, fn(all)
}

// aim opens the directory of a target, and says whether it must be changed through the mount: if a program
// knows the directory or, since the kernel may keep its times, the kernel the file whose attributes are to
// be set, or which gets or loses one of several names. An absent file that a program waits for comes without a word: the
// program has found it already.
func (m *Mounted) aim(s *doing, path string) (t target, through bool, err error) {
	names, err := backing.Split(path)
	if err != nil {
		return target{}, false, err
	}
	name := names[len(names)-1]
	above := path[:max(0, len(path)-len(name)-1)]
	dir, err := m.walked.open(m.v.folder.Root(), above, names[:len(names)-1], m.v.order.Load())
	if err != nil {
		return target{}, false, err
	}
	parent, seen := m.v.table.watched(dir.key)
	t = target{At: backing.At{Dir: dir.fd, Name: name, Path: path}, link: link{parent, name}}
	if n := m.v.table.named(t.link); n != nil {
		t.absent = s.sig == noSignature && m.v.absentAt(path) && m.v.awaited.has(n)
	}
	if t.was, err = statAt(t.At); err != nil {
		return t, false, err
	}
	t.looked = true
	if st := t.was; st != nil && (s.attr || st.Nlink > 1 && st.Mode&unix.S_IFMT == unix.S_IFREG) {
		seen = seen || m.v.table.known(keyOf(st)) != nil
	}
	if s.staged != "" {
		if t.staged, err = m.own(s.staged, t.was); err != nil {
			return t, false, err
		}
		seen = seen || m.v.linkedTo(t.staged) != nil
	}
	return t, seen && !t.absent, nil
}

// own gives what is staged its owner, and returns its stat.
func (m *Mounted) own(staged string, was *unix.Stat_t) (*unix.Stat_t, error) {
	is, err := statAt(backing.At{Dir: m.v.folder.Staging(), Name: staged})
	if err == nil && is == nil {
		err = unix.ENOENT
	}
	if err != nil {
		return nil, err
	}
	return is, m.v.folder.OwnAs(staged, is, was)
}

// through gives an order to the helper.
func (m *Mounted) through(s *doing, o order, paths []string) error {
	for _, path := range paths {
		if err := m.bringWrites(path); err != nil {
			return err
		}
	}
	m.v.doing.Store(s)
	defer m.v.doing.Store(nil)
	err := m.child.do(o)
	// What the handlers noted is read from here on.
	m.v.names.Lock()
	defer m.v.names.Unlock()
	if s.err != nil {
		return s.err
	}
	return err
}

// bringWrites brings to light what the kernel keeps of a file that a program has open for writing, so
// that it is seen to be busy: what is written back later, or stored through a mapping. Once such pages are on
// disk, the next store into them gives the file a new time.
func (m *Mounted) bringWrites(path string) error {
	st, err := m.v.folder.Stat(path)
	if err != nil || st.Kind != step.File {
		return nil
	}
	n := m.v.table.known(statKey(st))
	if n == nil {
		return nil
	}
	f := m.v.lockFile(n, false)
	if f == nil {
		return nil
	}
	hidden := m.v.writeback && f.writers > 0 && !f.dirty
	fd := -1
	if f.passWriters > 0 {
		fd, err = unix.FcntlInt(uintptr(f.handles[0].fd), unix.F_DUPFD_CLOEXEC, 0)
	}
	f.mu.Unlock()
	switch {
	case hidden:
		return m.child.do(order{Op: opFlush, To: path})
	case fd >= 0:
		defer unix.Close(fd)
		return writeBack(fd)
	}
	return err
}

// Freeze calls fn while no name changes. fn makes no step.
func (m *Mounted) Freeze(fn func() error) error {
	m.v.names.Lock()
	defer m.v.names.Unlock()
	return fn()
}

// Invalidate tells the kernel that an absent file appeared, changed or vanished at path. What it knew there is no more: it
// goes by the size and the time that it was told first of a file, where it keeps them.
func (m *Mounted) Invalidate(path string) {
	dir, name := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		dir, name = path[:i], path[i+1:]
	}
	st, err := m.v.folder.Stat(dir)
	if err != nil {
		return
	}
	parent := m.v.table.known(statKey(st))
	if parent == nil {
		return
	}
	was := m.v.forgetAbsentAt(link{parent, name})
	m.v.device.EntryNotify(parent.id, name)
	// The kernel keeps listings, and drops one of a directory only for a name that it has looked up.
	m.v.device.InodeNotify(parent.id, 0, 0)
	if was != nil {
		m.v.device.InodeNotify(was.id, 0, 0)
	}
}

// Writers returns the paths of the files that were written and have not settled.
func (m *Mounted) Writers() []string { return m.v.writers() }

// Durable returns when what was done to the directories and files at these paths is on disk; without paths, all that
// was done in the folder.
func (m *Mounted) Durable(paths []string) error { return m.v.folder.Durable(paths) }

// Sync brings to light what programs wrote and the kernel keeps: after it, Writers tells all.
func (m *Mounted) Sync(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- m.child.do(order{Op: opSync}) }()
	select {
	case err := <-done:
		m.v.lookAll()
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
