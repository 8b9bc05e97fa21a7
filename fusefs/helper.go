package fusefs

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"syncfs/fusefs/backing"
	"syncfs/journal/step"
)

// HelperArg is the first argument by which a program that mounts is run as the helper. Its main function
// calls HelperMain then, before it does anything else.
const HelperArg = "fusefs-helper"

// An order is what the mount tells the helper to do, by system calls on the mount.
type order struct {
	Op       string
	From, To string // paths; From of a place is a name in staging
	Attr     attrs
}

// An attrs is a step.Attr in a form that gob carries whole: it drops a pointer to zero, and refuses a nil in a map.
type attrs struct {
	Mode  []uint32 // one, or none
	MTime []int64  // one, or none
	Set   map[string]string
	Clear []string
}

func attrsOf(a step.Attr) attrs {
	w := attrs{Set: map[string]string{}}
	if a.Mode != nil {
		w.Mode = []uint32{*a.Mode}
	}
	if a.MTime != nil {
		w.MTime = []int64{*a.MTime}
	}
	for name, value := range a.XAttrs {
		if value == nil {
			w.Clear = append(w.Clear, name)
		} else {
			w.Set[name] = *value
		}
	}
	return w
}

func (w attrs) attr() step.Attr {
	a := step.Attr{XAttrs: map[string]*string{}}
	if len(w.Mode) > 0 {
		a.Mode = &w.Mode[0]
	}
	if len(w.MTime) > 0 {
		a.MTime = &w.MTime[0]
	}
	for name, value := range w.Set {
		a.XAttrs[name] = &value
	}
	for _, name := range w.Clear {
		a.XAttrs[name] = nil
	}
	return a
}

// The orders.
const (
	opPlace    = "place"
	opMove     = "move"
	opExchange = "exchange"
	opRemove   = "remove"
	opRmdir    = "rmdir"
	opAttr     = "attr"
	opFlush    = "flush"
	opSync     = "sync"
	opPoll     = "poll"
)

// A report is the helper's answer. The first, without an order, tells the thread that obeys.
type report struct {
	Thread uint32
	Errno  uint32
}

// HelperMain obeys the orders on standard input until it ends, and returns the exit status. The arguments
// after HelperArg are the mount point, its device, and the name of staging in it.
//
// The helper holds nothing open on the mount between orders, so that it can be unmounted.
func HelperMain() int {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "syncfs: the helper of a mount is started by the mount alone")
		return 2
	}
	dev, err := strconv.ParseUint(os.Args[3], 10, 64)
	if err != nil {
		fmt.Fprintf(os.Stderr, "syncfs: helper: %v\n", err)
		return 2
	}
	// The mount knows the steps by the thread that makes them.
	runtime.LockOSThread()
	unix.Umask(0)
	h := helper{path: os.Args[2], dev: dev, staging: os.Args[4]}
	if err := h.obey(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "syncfs: helper: %v\n", err)
		return 1
	}
	return 0
}

// A helper makes steps through a mount.
type helper struct {
	path    string
	dev     uint64
	staging string
}

func (h *helper) obey(in io.Reader, out io.Writer) error {
	enc, dec := gob.NewEncoder(out), gob.NewDecoder(in)
	if err := enc.Encode(report{Thread: uint32(unix.Gettid())}); err != nil {
		return err
	}
	for {
		var o order
		if err := dec.Decode(&o); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := enc.Encode(report{Errno: uint32(errnoOf(h.do(o)))}); err != nil {
			return err
		}
	}
}

func (h *helper) do(o order) error {
	root, err := unix.Open(h.path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(root)
	var st unix.Stat_t
	if err := unix.Fstat(root, &st); err != nil {
		return err
	}
	if uint64(st.Dev) != h.dev {
		return unix.ENOTCONN // unmounted: this is the folder underneath
	}
	switch o.Op {
	case opSync:
		return unix.Syncfs(root)
	case opPoll:
		return poll(root)
	}
	return at(root, o.To, func(to backing.At) error {
		switch o.Op {
		case opPlace:
			return h.place(root, o.From, to)
		case opMove:
			return at(root, o.From, func(from backing.At) error { return backing.Rename(from, to) })
		case opExchange:
			return at(root, o.From, func(from backing.At) error { return backing.Exchange(from, to) })
		case opRemove:
			return backing.Unlink(to, 0)
		case opRmdir:
			return backing.Unlink(to, unix.AT_REMOVEDIR)
		case opAttr:
			return to.SetAttr(o.Attr.attr())
		case opFlush:
			return flush(to)
		}
		return unix.EINVAL
	})
}

func (h *helper) place(root int, staged string, to backing.At) error {
	fd, err := unix.Openat(root, h.staging, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return backing.Rename(backing.At{Dir: fd, Name: staged}, to)
}

// poll has the kernel learn that nothing in the mount can be polled. Without it, the first file that the
// process of the mount itself opens (as tests do) is given to epoll by Go's runtime, which then waits for
// an answer on a thread that is needed to give it. go-fuse has a file of that name for the purpose.
func poll(root int) error {
	fd, err := unix.Openat(root, ".go-fuse-epoll-hack", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return err
}

// flush brings what the kernel keeps of a file to the daemon.
func flush(at backing.At) error {
	fd, err := open(at.Dir, at.Name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC)
	if err != nil {
		if errors.Is(err, unix.EACCES) {
			return unix.Syncfs(at.Dir)
		}
		return err
	}
	defer unix.Close(fd)
	return writeBack(fd)
}

// writeBack has the pages of a file written that the kernel keeps.
func writeBack(fd int) error {
	const all = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	return unix.SyncFileRange(fd, 0, 0, all)
}

// at calls fn with the place in the mount that a path names.
func at(root int, path string, fn func(backing.At) error) error {
	names, err := backing.Split(path)
	if err != nil {
		return err
	}
	name := "."
	if len(names) > 0 {
		names, name = names[:len(names)-1], names[len(names)-1]
	}
	dir, err := backing.Walk(root, names)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	return fn(backing.At{Dir: dir, Name: name, Path: path})
}
