package fusefs

import (
	"golang.org/x/sys/unix"

	"syncfs/fusefs/backing"
)

// maxWalked bounds the directories that are kept open between steps.
const maxWalked = 128

// walked is the directories in which steps were made last, open for as long as no name of the folder changes: many steps
// follow one another in one directory. Whoever uses it holds Mounted.steps and volume.names.
type walked struct {
	order uint64 // of the last change recorded when they were opened
	dirs  map[string]walkedDir
}

type walkedDir struct {
	fd  int
	key key
}

// open returns the directory at path, which the names lead to. It stays open until clear.
func (w *walked) open(root int, path string, names []string, order uint64) (d walkedDir, err error) {
	if w.order != order || len(w.dirs) >= maxWalked {
		w.clear()
	}
	w.order = order
	d, ok := w.dirs[path]
	if ok {
		return d, nil
	}
	if d.fd, err = backing.Walk(root, names); err != nil {
		return d, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		unix.Close(d.fd)
		return d, err
	}
	d.key = keyOf(&st)
	if w.dirs == nil {
		w.dirs = map[string]walkedDir{}
	}
	w.dirs[path] = d
	return d, nil
}

// clear closes all: a step has moved or removed something.
func (w *walked) clear() {
	for _, d := range w.dirs {
		unix.Close(d.fd)
	}
	clear(w.dirs)
}
