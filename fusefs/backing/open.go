package backing

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"syncfs/journal/name"
	"syncfs/journal/step"
	"syncfs/journal/version"
)

// What a step takes from its place while a program has it open for writing is in .syncfs/open until it is known
// whether the program writes to it. If it does, the file comes back to the folder under a name of its own; else it
// goes to trash when it is closed. The name of its directory there tells what the file was when it was put away, for
// the case that the daemon does not live to see the end.

// openTop begins the name of that directory.
func openTop(st step.Stat) string { return fmt.Sprintf("%d-%d", st.Signature.MTime, st.Signature.Size) }

// BringBack puts what is kept into a directory of the folder: under its own name if that is free, else under a
// conflict name of this replica. Taken tells of further names that are not free.
func (f *Folder) BringBack(k Kept, dir int, replica string, taken func(string) bool) (string, error) {
	own := k.path[strings.LastIndexByte(k.path, '/')+1:]
	now := version.Timestamp{Time: time.Now().UnixNano(), Replica: replica}
	tried := map[string]bool{}
	for to := own; ; to = name.Conflict(own, now, func(n string) bool { return tried[n] }) {
		tried[to] = true
		if taken(to) && len(tried) < maxTries {
			continue
		}
		err := f.take(k, func(from At) error {
			return lendFor(from, At{Dir: dir, Name: to}, func() error {
				return unix.Renameat2(from.Dir, from.Name, dir, to, unix.RENAME_NOREPLACE)
			})
		})
		if err != unix.EEXIST || len(tried) >= maxTries {
			return to, err
		}
	}
}

// Discard puts into trash what was kept because a program had it open.
func (f *Folder) Discard(k Kept) error {
	return f.take(k, func(from At) error {
		_, err := f.keep(from, At{Path: k.path})
		return err
	})
}

// Recover sees to what was open when a daemon ended without a word: what was written since it was put away
// comes back, to be found by a scan, and all else goes to trash.
func (f *Folder) Recover(replica string) error {
	tops, err := readNames(f.open)
	if err != nil {
		return pathError("recover", Reserved+"/"+openDir, err)
	}
	for _, top := range tops {
		k := Kept{Open: true, top: top}
		var st step.Stat
		if k.path, st, err = f.below(top); err != nil {
			return pathError("recover", k.String(), err)
		}
		if k.path == "" {
			unix.Unlinkat(f.open, top, unix.AT_REMOVEDIR)
			continue
		}
		if err := f.recover(k, st, replica); err != nil {
			return pathError("recover", k.String(), err)
		}
	}
	return nil
}

func (f *Folder) recover(k Kept, st step.Stat, replica string) error {
	if was := openTop(st); k.top == was || strings.HasPrefix(k.top, was+"-") {
		return f.Discard(k)
	}
	names := strings.Split(k.path, "/")
	dir, err := makeDirs(f.root, names[:len(names)-1])
	if err == unix.ENOTDIR { // a file has the name of a directory that was above it
		dir, err = Walk(f.root, nil)
	}
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	_, err = f.BringBack(k, dir, replica, func(string) bool { return false })
	return err
}

// below finds the one file that a directory of .syncfs/open has in it, however deep; "" if there is none.
func (f *Folder) below(top string) (path string, st step.Stat, err error) {
	var names []string
	for {
		dir, err := Walk(f.open, append([]string{top}, names...))
		if err != nil {
			return "", st, err
		}
		l, err := readNames(dir)
		if err == nil && len(l) > 0 {
			names = append(names, l[0])
			st, err = At{Dir: dir, Name: l[0]}.stat()
		}
		unix.Close(dir)
		if err != nil || len(l) == 0 {
			return "", st, err
		}
		if st.Kind != step.Dir {
			return strings.Join(names, "/"), st, nil
		}
	}
}

// readNames returns the names in a directory.
func readNames(dir int) ([]string, error) {
	r, err := unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	d := os.NewFile(uintptr(r), ".")
	defer d.Close()
	return d.Readdirnames(-1)
}
