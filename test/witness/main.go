// Command witness is a program that works in a folder and is asked what it sees: it holds files open, maps them,
// watches directories with inotify, and reads in a loop a file that is being replaced. It is a process of its own, so
// that a test can look at the mount of another user, and be killed where a mount hangs.
//
// Each line of its input is a question, each line of its output the answer, quoted as Go has it:
//
//	open NAME PATH     has PATH open as NAME from now on, and mapped
//	edit NAME PATH     the same, for reading and writing
//	close NAME
//	reads NAME         what is read through the open file
//	mapped NAME        what its mapping holds
//	writes NAME TEXT   writes at the end of the open file
//	read, stat, list, readlink, xattr PATH
//	watch DIR          from now on
//	events DIR         what was seen since the last question, as EVENT NAME in the order of first sight
//	join FILE          joins the cgroup whose cgroup.procs that is
//	dirty PATH SIZE    makes a file of that size by stores through a mapping
//	dirtied PATH       how many bytes of such a file are as they were stored
//	spin PATH          reads versions of the file again and again, in three ways, until `still`
//	still              how many reads there were, and which was no whole version
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func main() {
	w := &witness{files: map[string]*held{}, watches: map[string]*watch{}}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		answer, err := w.answer(strings.SplitN(in.Text(), " ", 3))
		if err != nil {
			answer = "error: " + reason(err)
		}
		fmt.Printf("%q\n", answer)
	}
}

// reason is an error without the path, of which the asker knows.
func reason(err error) string {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return err.Error()
}

type witness struct {
	files   map[string]*held
	watches map[string]*watch
	spin    *spin
}

// A held is a file that stays open and mapped.
type held struct {
	*os.File
	mapping []byte
}

var errQuestion = errors.New("no such question")

func (w *witness) answer(q []string) (string, error) {
	q = append(q, "", "")
	switch verb, a, b := q[0], q[1], q[2]; verb {
	case "open":
		return "", w.open(a, b, os.O_RDONLY)
	case "edit":
		return "", w.open(a, b, os.O_RDWR)
	case "close":
		f := w.files[a]
		delete(w.files, a)
		return "", errors.Join(unix.Munmap(f.mapping), f.Close())
	case "reads":
		return reads(w.files[a].File)
	case "mapped":
		return string(w.files[a].mapping), nil
	case "writes":
		f := w.files[a]
		end, err := f.Seek(0, 2)
		if err == nil {
			_, err = f.WriteAt([]byte(b), end)
		}
		return "", err
	case "watch":
		x, err := newWatch(a)
		w.watches[a] = x
		return "", err
	case "events":
		return w.watches[a].events()
	case "join":
		return "", os.WriteFile(a, []byte(strconv.Itoa(os.Getpid())), 0)
	case "dirty":
		return dirty(a, b)
	case "dirtied":
		return dirtied(a)
	case "spin":
		w.spin = newSpin(a)
		return "", nil
	case "still":
		return w.spin.still()
	default:
		return look(verb, a)
	}
}

func (w *witness) open(name, path string, flags int) error {
	f, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	m, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	w.files[name] = &held{f, m}
	return err
}

// reads is all of a file, by pread, after its size was asked.
func reads(f *os.File) (string, error) {
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	b := make([]byte, info.Size()+1)
	n, err := unix.Pread(int(f.Fd()), b, 0)
	return string(b[:max(n, 0)]), err
}

func look(verb, path string) (string, error) {
	switch verb {
	case "read":
		b, err := os.ReadFile(path)
		return string(b), err
	case "stat":
		info, err := os.Lstat(path)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%v %d", info.Mode(), info.Size()), nil
	case "list":
		entries, err := os.ReadDir(path)
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return strings.Join(names, " "), err
	case "readlink":
		return os.Readlink(path)
	case "xattr":
		b := make([]byte, 1<<10)
		n, err := unix.Getxattr(path, "user.test", b)
		return string(b[:max(n, 0)]), err
	}
	return "", errQuestion
}

// A watch is an inotify instance on one directory.
type watch struct{ *os.File }

func newWatch(dir string) (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, err
	}
	_, err = unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_DELETE|unix.IN_MOVE|unix.IN_ATTRIB|unix.IN_MODIFY)
	return &watch{os.NewFile(uintptr(fd), dir)}, err
}

var eventNames = []struct {
	bit  uint32
	name string
}{
	{unix.IN_CREATE, "create"}, {unix.IN_DELETE, "delete"}, {unix.IN_MOVED_FROM, "from"}, {unix.IN_MOVED_TO, "to"},
	{unix.IN_ATTRIB, "attrib"}, {unix.IN_MODIFY, "modify"},
}

// events is each kind of event of each name that has come, once.
func (w *watch) events() (string, error) {
	var all []string
	buf := make([]byte, 1<<16)
	for {
		n, err := unix.Read(int(w.Fd()), buf)
		if err == unix.EAGAIN {
			return strings.Join(all, ", "), nil
		}
		if err != nil {
			return "", err
		}
		for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			mask, length := field(b[4:]), field(b[12:])
			name := strings.TrimRight(string(b[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+length]), "\x00")
			for _, e := range eventNames {
				if seen := strings.TrimSpace(e.name + " " + name); mask&e.bit != 0 && !slices.Contains(all, seen) {
					all = append(all, seen)
				}
			}
			b = b[unix.SizeofInotifyEvent+length:]
		}
	}
}
