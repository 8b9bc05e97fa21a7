package backing

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// maxTries bounds the search for a free name in trash: that many versions of one path in one second.
const maxTries = 1000

// discard moves what is at from to trash, under the path that it had in the folder.
func (f *Folder) discard(from At, path string) error {
	names := strings.Split(path, "/")
	now := time.Now().UTC().Format("20060102T150405Z")
	for try := 1; ; try++ {
		top := now
		if try > 1 {
			top = fmt.Sprintf("%s-%d", now, try)
		}
		err := f.discardIn(top, names, from)
		// ENOTDIR: a file of this second lies where a directory is needed.
		if err != unix.EEXIST && err != unix.ENOTDIR || try == maxTries {
			return err
		}
	}
}

func (f *Folder) discardIn(top string, names []string, from At) error {
	last := len(names) - 1
	dir, err := makeDirs(f.trash, append([]string{top}, names[:last]...))
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	return unix.Renameat2(from.Dir, from.Name, dir, names[last], unix.RENAME_NOREPLACE)
}
