package posix

import (
	"encoding/binary"
	"fmt"
	"maps"
	"sort"
	"strings"

	"golang.org/x/sys/unix"
)

// An entry is what getdents(2) tells of one name.
type entry struct {
	name string
	kind uint32
	ino  uint64
	off  int64 // of the next
}

// What reads directories and watches them.
var dirCalls = map[string]call{
	// ls lists a directory, sorted, with kinds; . and .. are left out, but must be there.
	"ls": func(p *process, a args) (string, error) {
		all, err := p.list(a[0])
		if err != nil {
			return "", err
		}
		var names []string
		dots := 0
		for _, e := range all {
			if e.name == "." || e.name == ".." {
				dots++
				continue
			}
			names = append(names, fmt.Sprintf("%.20q:%s", e.name, kindName(e.kind)))
		}
		sort.Strings(names)
		if dots != 2 {
			return fmt.Sprintf("%d of . and ..", dots), nil
		}
		if len(names) > 10 {
			return fmt.Sprintf("%d entries", len(names)), nil
		}
		if len(names) == 0 {
			return "empty", nil
		}
		return strings.Join(names, " "), nil
	},
	// lsino says whether a listing has the inode numbers that stat has.
	"lsino": func(p *process, a args) (string, error) {
		all, err := p.list(a[0])
		for _, e := range all {
			var st unix.Stat_t
			if err := p.statAt(a[0]+"/"+e.name, unix.AT_SYMLINK_NOFOLLOW, &st); err != nil {
				return "", err
			}
			if st.Ino != e.ino && e.name != ".." {
				return fmt.Sprintf("%s differs", e.name), nil
			}
		}
		return "", err
	},
	// fill makes many files in a directory: prefix0, prefix1, ...
	"fill": func(p *process, a args) (string, error) {
		for i := range int(number(a[2])) {
			w := p.place(fmt.Sprintf("%s/%s%d", a[0], a[1], i))
			if err := unix.Mknodat(w.dir, w.path, unix.S_IFREG|0o644, 0); err != nil {
				return "", err
			}
		}
		return "", nil
	},
	// links makes many names of a file.
	"links": func(p *process, a args) (string, error) {
		for i := range int(number(a[2])) {
			if err := unix.Linkat(unix.AT_FDCWD, a[0], unix.AT_FDCWD, fmt.Sprintf("%s%d", a[1], i), 0); err != nil {
				return "", err
			}
		}
		return "", nil
	},
	// renames gives each name that it reads another, and says whether it comes to an end.
	"renames": func(p *process, a args) (string, error) {
		fd, most := p.fd(a[0]), 10*int(number(a[1]))
		for n := 0; n < most; {
			all, err := dents(fd, 1024)
			if err != nil || len(all) == 0 {
				return "", err
			}
			for _, e := range all {
				if n++; e.name == "." || e.name == ".." {
					continue
				}
				if err := unix.Renameat(fd, e.name, fd, fmt.Sprintf("new%d", n)); err != nil {
					return "", err
				}
			}
		}
		return "no end", nil
	},
	// empty removes all files in a directory.
	"empty": func(p *process, a args) (string, error) {
		all, err := p.list(a[0])
		for _, e := range all {
			if w := p.place(a[0] + "/" + e.name); err == nil && e.name != "." && e.name != ".." {
				err = unix.Unlinkat(w.dir, w.path, 0)
			}
		}
		return "", err
	},
	"clear": func(p *process, a args) (string, error) {
		for i := range int(number(a[2])) {
			w := p.place(fmt.Sprintf("%s/%s%d", a[0], a[1], i))
			if err := unix.Unlinkat(w.dir, w.path, 0); err != nil {
				return "", err
			}
		}
		return "", nil
	},
	// some reads the next names of an open directory, with a buffer of so many bytes; how many differs between
	// filesystems, and so is not told.
	"some": func(p *process, a args) (string, error) {
		all, err := dents(p.fd(a[0]), int(number(a[1])))
		p.count(a[0], all)
		if err == nil && len(all) == 0 {
			return "end", nil
		}
		return "some", err
	},
	// rest reads all that is left, and says of each prefix how often its names were seen since the last
	// rewind: all once, or not.
	"rest": func(p *process, a args) (string, error) {
		for {
			all, err := dents(p.fd(a[0]), 4096)
			if err != nil {
				return "", err
			}
			if len(all) == 0 {
				break
			}
			p.count(a[0], all)
		}
		var said []string
		for _, prefix := range a[1:] {
			prefix, count, _ := strings.Cut(prefix, "*")
			once, more := 0, 0
			for i := range int(number(count)) {
				switch n := p.seen[fmt.Sprintf("%s/%s%d", a[0], prefix, i)]; {
				case n == 1:
					once++
				case n > 1:
					more++
				}
			}
			said = append(said, fmt.Sprintf("%s: %d once, %d more often", prefix, once, more))
		}
		return strings.Join(said, "; "), nil
	},
	"rewind": func(p *process, a args) (string, error) {
		maps.DeleteFunc(p.seen, func(name string, _ int) bool { return strings.HasPrefix(name, a[0]+"/") })
		_, err := unix.Seek(p.fd(a[0]), 0, unix.SEEK_SET)
		return "", err
	},
	// seekdirs seeks to each entry of an open directory in turn, from the last to the first, and says whether
	// what is read there is what came there at first.
	"seekdirs": func(p *process, a args) (string, error) {
		fd := p.fd(a[0])
		var all []entry
		for {
			some, err := dents(fd, 1024)
			if err != nil {
				return "", err
			}
			if len(some) == 0 {
				break
			}
			all = append(all, some...)
		}
		for i := len(all) - 1; i > 0; i-- {
			if _, err := unix.Seek(fd, all[i-1].off, unix.SEEK_SET); err != nil {
				return "", err
			}
			got, err := dents(fd, 1024)
			if err != nil {
				return "", err
			}
			if len(got) == 0 || got[0].name != all[i].name {
				return fmt.Sprintf("entry %d of %d is another", i, len(all)), nil
			}
		}
		return fmt.Sprintf("%d as before", len(all)), nil
	},
	"watch": func(p *process, a args) (string, error) {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
		if err != nil {
			return "", err
		}
		p.fds["watch "+a[0]] = fd
		p.watches[a[0]] = &watch{fd: fd, names: map[int32]string{}}
		for _, path := range a[1:] {
			wd, err := unix.InotifyAddWatch(fd, path, unix.IN_ALL_EVENTS)
			if err != nil {
				return "", err
			}
			p.watches[a[0]].names[int32(wd)] = path
		}
		return "", nil
	},
	"events": func(p *process, a args) (string, error) { return p.watches[a[0]].events() },
}

// count counts how often names came.
func (p *process) count(dir string, all []entry) {
	for _, e := range all {
		p.seen[dir+"/"+e.name]++
	}
}

func (p *process) list(path string) ([]entry, error) {
	w := p.place(path)
	if w.open {
		w.path = "."
	}
	fd, err := unix.Openat(w.dir, w.path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var all []entry
	for {
		some, err := dents(fd, 1<<15)
		if err != nil || len(some) == 0 {
			return all, err
		}
		all = append(all, some...)
	}
}

// dents reads entries once.
func dents(fd, size int) ([]entry, error) {
	buf := make([]byte, size)
	n, err := unix.Getdents(fd, buf)
	var all []entry
	for b := buf[:max(n, 0)]; len(b) > 0; {
		length := binary.NativeEndian.Uint16(b[16:])
		name, _, _ := strings.Cut(string(b[19:length]), "\x00")
		all = append(all, entry{name, uint32(b[18]) << 12, binary.NativeEndian.Uint64(b), int64(binary.NativeEndian.Uint64(b[8:]))})
		b = b[length:]
	}
	return all, err
}

// A watch is an inotify instance.
type watch struct {
	fd    int
	names map[int32]string
}

var eventNames = []struct {
	bit  uint32
	name string
}{{unix.IN_ACCESS, "access"}, {unix.IN_MODIFY, "modify"}, {unix.IN_ATTRIB, "attrib"}, {unix.IN_CLOSE_WRITE, "closewrite"},
	{unix.IN_CLOSE_NOWRITE, "close"}, {unix.IN_OPEN, "open"}, {unix.IN_MOVED_FROM, "from"}, {unix.IN_MOVED_TO, "to"},
	{unix.IN_CREATE, "create"}, {unix.IN_DELETE, "delete"}, {unix.IN_DELETE_SELF, "deleteself"},
	{unix.IN_MOVE_SELF, "moveself"}, {unix.IN_IGNORED, "ignored"}}

// events are those since the last time.
func (w *watch) events() (string, error) {
	buf := make([]byte, 1<<16)
	n, err := unix.Read(w.fd, buf)
	if err == unix.EAGAIN {
		return "none", nil
	}
	if err != nil {
		return "", err
	}
	var said []string
	for b := buf[:n]; len(b) > 0; {
		mask, length := binary.NativeEndian.Uint32(b[4:]), binary.NativeEndian.Uint32(b[12:])
		s := w.names[int32(binary.NativeEndian.Uint32(b))]
		if name := strings.TrimRight(string(b[16:16+length]), "\x00"); name != "" {
			s += "/" + name
		}
		for _, e := range eventNames {
			if mask&e.bit != 0 {
				s += ":" + e.name
			}
		}
		said = append(said, s)
		b = b[16+length:]
	}
	return strings.Join(said, " "), nil
}
