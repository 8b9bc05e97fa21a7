package posix

import (
	"encoding/gob"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// processEnv is set for a process that makes calls; its value are the numbers of users and groups by name.
const processEnv = "POSIX_TEST_PROCESS"

// A process makes the calls of one user on one side. It starts each case anew: see begin.
type process struct {
	ids   map[string]int // numbers of users and groups
	start int            // its first working directory

	fds     map[string]int
	maps    map[string][]byte
	running map[string]*exec.Cmd
	times   map[string]times
	handles map[string]unix.FileHandle
	watches map[string]*watch
	inodes  map[string]uint64
	seen    map[string]int // how often a name came from an open directory
	started chan string
	signals atomic.Int32 // SIGXFSZ since the case began
}

// A call is what a line of the table can do. What it returns is compared.
type call func(p *process, a args) (string, error)

// calls are all of them, by name.
var calls = map[string]call{}

func init() {
	for _, family := range []map[string]call{nameCalls, fileCalls, spaceCalls, attrCalls, timeCalls, xattrCalls,
		lockCalls, mapCalls, dirCalls, processCalls, aioCalls} {
		for name, c := range family {
			calls[name] = c
		}
	}
}

// processMain makes the calls that it reads, a batch at a time.
func processMain() int {
	runtime.LockOSThread()
	debug.SetPanicOnFault(true)
	p := &process{ids: map[string]int{}}
	for _, pair := range strings.Fields(os.Getenv(processEnv)) {
		name, number, _ := strings.Cut(pair, "=")
		p.ids[name], _ = strconv.Atoi(number)
	}
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGXFSZ)
	go func() {
		for range caught {
			p.signals.Add(1)
		}
	}()
	var err error
	if p.start, err = unix.Open(".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dec, enc := gob.NewDecoder(os.Stdin), gob.NewEncoder(os.Stdout)
	for {
		var batch [][]string
		if err := dec.Decode(&batch); err == io.EOF {
			return 0
		} else if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		outcomes := make([]string, len(batch))
		for i, words := range batch {
			outcomes[i] = p.do(words)
		}
		if err := enc.Encode(outcomes); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
}

// do makes one call and says what came of it: what it has to say, 0, or the errno.
func (p *process) do(words []string) (outcome string) {
	defer func() {
		if r := recover(); r != nil {
			outcome = fmt.Sprintf("panic: %v", r)
			if _, fault := r.(interface{ Addr() uintptr }); fault {
				outcome = "SIGBUS"
			}
		}
	}()
	said, err := calls[words[0]](p, words[1:])
	for err == unix.EINTR {
		said, err = calls[words[0]](p, words[1:])
	}
	switch e := err.(type) {
	case nil:
	case syscall.Errno:
		return unix.ErrnoName(e)
	default:
		return "error: " + err.Error()
	}
	if said == "" {
		said = "0"
	}
	return said
}

// begin puts away what is left of the case before and goes into the directory of the next.
func (p *process) begin(dir string) error {
	for _, fd := range p.fds {
		unix.Close(fd)
	}
	for _, m := range p.maps {
		unix.Munmap(m)
	}
	for _, cmd := range p.running {
		cmd.Process.Kill()
		cmd.Wait()
	}
	p.fds, p.maps, p.running = map[string]int{}, map[string][]byte{}, map[string]*exec.Cmd{}
	p.inodes, p.seen = map[string]uint64{}, map[string]int{}
	p.times, p.handles, p.watches = map[string]times{}, map[string]unix.FileHandle{}, map[string]*watch{}
	unix.Umask(0)
	p.signals.Store(0)
	if err := p.limit(unix.RLIM_INFINITY); err != nil {
		return err
	}
	if err := unix.Fchdir(p.start); err != nil {
		return err
	}
	return unix.Chdir(dir)
}

// limit sets how large files may become.
func (p *process) limit(size uint64) error {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &l); err != nil {
		return err
	}
	l.Cur = min(size, l.Max)
	return unix.Setrlimit(unix.RLIMIT_FSIZE, &l)
}

// args are the words of a call after its name. A missing one is empty.
type args []string

func (a args) at(i int) string {
	if i < len(a) {
		return a[i]
	}
	return ""
}

func (a args) from(i int) []string { return a[min(i, len(a)):] }

// number reads decimal and, with a suffix, binary thousands.
func number(s string) int64 {
	unit := int64(1)
	for suffix, u := range map[string]int64{"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40} {
		if rest, ok := strings.CutSuffix(s, suffix); ok {
			s, unit = rest, u
		}
	}
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil {
		panic(err)
	}
	return n * unit
}

// mode reads octal.
func mode(s string, otherwise uint32) uint32 {
	if s == "" {
		return otherwise
	}
	m, err := strconv.ParseUint(s, 8, 32)
	if err != nil {
		panic(err)
	}
	return uint32(m)
}

// user is the number of one; - is none.
func (p *process) user(s string) int { return p.id("", s) }

// group is the number of one. Groups have names of their own in ids.
func (p *process) group(s string) int { return p.id(groupPrefix, s) }

const groupPrefix = "group-"

func (p *process) id(prefix, s string) int {
	if s == "-" {
		return -1
	}
	if n, known := p.ids[prefix+s]; known {
		return n
	}
	return int(number(s))
}

// userName and groupName are what the table calls them.
func (p *process) userName(id uint32) string { return p.name("", id) }

func (p *process) groupName(id uint32) string { return p.name(groupPrefix, id) }

func (p *process) name(prefix string, id uint32) string {
	for name, n := range p.ids {
		if rest, ok := strings.CutPrefix(name, prefix); ok && uint32(n) == id && strings.HasPrefix(name, groupPrefix) == (prefix != "") {
			return rest
		}
	}
	return strconv.Itoa(int(id))
}

// bits reads names of bits joined with commas.
func bits(s string, names map[string]int) int {
	all := 0
	for _, name := range strings.Split(s, ",") {
		if name == "" {
			continue
		}
		b, known := names[name]
		if !known {
			panic("no such flag: " + name)
		}
		all |= b
	}
	return all
}

// A place is where a path of the table leads from and to.
type place struct {
	dir  int
	path string
	open bool // it is dir itself, open
}

// place reads a path: %a is open, %a/b a path from there.
func (p *process) place(s string) place {
	rest, open := strings.CutPrefix(s, "%")
	if !open {
		return place{dir: unix.AT_FDCWD, path: s}
	}
	if name, self := strings.CutPrefix(rest, "%"); self {
		name, below, deeper := strings.Cut(name, "/")
		path := fmt.Sprintf("/proc/self/fd/%d", p.fd(name))
		if deeper {
			path += "/" + below
		}
		return place{dir: unix.AT_FDCWD, path: path}
	}
	name, path, deeper := strings.Cut(rest, "/")
	return place{p.fd(name), path, !deeper}
}

// fd is what is open by a name; -1 of the name "none".
func (p *process) fd(name string) int {
	name = strings.TrimPrefix(name, "%")
	if name == "none" {
		return -1
	}
	if name == "cwd" {
		return unix.AT_FDCWD
	}
	fd, open := p.fds[name]
	if !open {
		panic("nothing is open as " + name)
	}
	return fd
}

// byPath is the path for calls that have no form with a directory.
func (w place) byPath() string {
	if w.open || w.dir == unix.AT_FDCWD {
		return w.path
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", w.dir, w.path)
}
