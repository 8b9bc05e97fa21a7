package backing

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// maxTries bounds the search for a free name in trash: that many versions of one path in one second.
const maxTries = 1000

// A Kept is where a file is that a step took from its place: in trash; or in .syncfs/open, where trash does not
// expire, if a program had it open for writing. The zero Kept is nowhere.
type Kept struct {
	Open bool
	top  string // the directory there, under which the file has the path that it had in the folder
	path string
}

// Path returns the path that the file had in the folder.
func (k Kept) Path() string { return k.path }

// String tells where the file is.
func (k Kept) String() string {
	if k.Open {
		return Reserved + "/" + openDir + "/" + k.top + "/" + k.path
	}
	return Reserved + "/" + trashDir + "/" + k.top + "/" + k.path
}

// keep puts what is at from away, where at says, under the path that it had in the folder. Of a file that has other
// names this one alone goes: it is put away with its last.
func (f *Folder) keep(from, at At) (Kept, error) {
	if others, err := from.hasOthers(); err != nil {
		return Kept{}, err
	} else if others {
		return Kept{}, unix.Unlinkat(from.Dir, from.Name, 0)
	}
	k := Kept{Open: at.Open, path: at.Path}
	top, base := time.Now().UTC().Format("20060102T150405Z"), f.trash
	if at.Open {
		st, err := from.stat()
		if err != nil {
			return Kept{}, err
		}
		top, base = openTop(st), f.open
	}
	names := strings.Split(at.Path, "/")
	for try := 1; ; try++ {
		if k.top = top; try > 1 {
			k.top = fmt.Sprintf("%s-%d", top, try)
		}
		err := keepIn(base, append([]string{k.top}, names...), from)
		// ENOTDIR: a file of this second lies where a directory is needed.
		if err != unix.EEXIST && err != unix.ENOTDIR || try == maxTries {
			return k, err
		}
	}
}

func keepIn(base int, names []string, from At) error {
	last := len(names) - 1
	dir, err := makeDirs(base, names[:last])
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	return unix.Renameat2(from.Dir, from.Name, dir, names[last], unix.RENAME_NOREPLACE)
}

// take calls fn with the place where k is, and takes the directories away that it leaves empty.
func (f *Folder) take(k Kept, fn func(At) error) error {
	base := f.trash
	if k.Open {
		base = f.open
	}
	names := append([]string{k.top}, strings.Split(k.path, "/")...)
	for last := len(names) - 1; last > 0; last-- {
		dir, err := Walk(base, names[:last])
		if err != nil {
			return err
		}
		if fn != nil {
			err, fn = fn(At{Dir: dir, Name: names[last], Path: k.path}), nil
		} else if unix.Unlinkat(dir, names[last], unix.AT_REMOVEDIR) != nil {
			last = 0 // something else is in it
		}
		unix.Close(dir)
		if err != nil {
			return err
		}
	}
	unix.Unlinkat(base, k.top, unix.AT_REMOVEDIR)
	return nil
}
