package posix

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// What runs programs, and what only some programs do.
var processCalls = map[string]call{
	"begin": func(p *process, a args) (string, error) { return "", p.begin(a[0]) },
	// exec runs a program and tells what it wrote.
	"exec": func(p *process, a args) (string, error) {
		cmd := &exec.Cmd{Path: a[0], Args: a}
		var out bytes.Buffer
		cmd.Stdout = &out
		if err := cmd.Run(); err != nil {
			return "", errnoOf(err)
		}
		return p.named(strings.TrimSpace(out.String())), nil
	},
	// execat runs a program by what is open, as execveat(2).
	"execat": func(p *process, a args) (string, error) {
		w := p.place(a[0])
		cmd := exec.Command("/proc/self/exe", a[1:]...)
		cmd.Env = append(os.Environ(), execEnv+"="+w.path)
		cmd.ExtraFiles = []*os.File{os.NewFile(uintptr(dup(w.dir)), "")}
		defer cmd.ExtraFiles[0].Close()
		out, err := cmd.Output()
		if err != nil {
			return "", errnoOf(err)
		}
		return p.named(strings.TrimSpace(string(out))), nil
	},
	// run starts a program that reads until stop.
	"run": func(p *process, a args) (string, error) {
		cmd := &exec.Cmd{Path: a[1], Args: a[1:]}
		if _, err := cmd.StdinPipe(); err != nil {
			return "", err
		}
		if err := cmd.Start(); err != nil {
			return "", errnoOf(err)
		}
		p.running[a[0]] = cmd
		return "", nil
	},
	"stop": func(p *process, a args) (string, error) {
		cmd := p.running[a[0]]
		delete(p.running, a[0])
		if err := cmd.Process.Kill(); err != nil {
			return "", err
		}
		cmd.Wait()
		return "", nil
	},
	// start makes a call that may have to wait, join tells what came of it.
	"start": func(p *process, a args) (string, error) {
		p.started = make(chan string, 1)
		go func() { p.started <- p.do(a) }()
		return "", nil
	},
	"join": func(p *process, a args) (string, error) { return <-p.started, nil },
	// mount puts another filesystem on a directory until unmount.
	"mount": func(p *process, a args) (string, error) {
		return "", unix.Mount("posix", a[0], "tmpfs", 0, "size=1m")
	},
	"unmount": func(p *process, a args) (string, error) { return "", unix.Unmount(a[0], 0) },
	"handle": func(p *process, a args) (string, error) {
		w := p.place(a[1])
		h, _, err := unix.NameToHandleAt(w.dir, w.path, 0)
		p.handles[a[0]] = h
		return "", err
	},
	"openhandle": func(p *process, a args) (string, error) {
		fd, err := unix.OpenByHandleAt(p.fd(a[2]), p.handles[a[1]], bits(a[3], openBits)|unix.O_CLOEXEC)
		if err == nil {
			p.fds[a[0]] = fd
		}
		return "", err
	},
	"stale": func(p *process, a args) (string, error) { return p.stale(a) },
}

// execEnv is set for a process that is to become the program at the path that it names, from its descriptor 3 on.
const execEnv = "POSIX_TEST_EXEC"

func execMain(path string) int {
	flags := 0
	if path == "" {
		flags = unix.AT_EMPTY_PATH
	}
	at, err := unix.BytePtrFromString(path)
	if err == nil {
		argv, env := []*byte{at, nil}, []*byte{nil}
		_, _, errno := unix.Syscall6(unix.SYS_EXECVEAT, 3, addressOf(at), addressOf(&argv[0]), addressOf(&env[0]), uintptr(flags), 0)
		err = errno
	}
	fmt.Print(unix.ErrnoName(errnoOf(err).(syscall.Errno)))
	return 0
}

// dup is another descriptor of what is open.
func dup(fd int) int {
	if fd == unix.AT_FDCWD {
		fd, err := unix.Open(".", unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1
		}
		return fd
	}
	fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}

// stale waits until what a handle is of is gone: it may be closed a moment after close(2).
func (p *process) stale(a args) (string, error) {
	return "", until(func() bool {
		fd, err := unix.OpenByHandleAt(p.fd(a[1]), p.handles[a[0]], unix.O_RDONLY|unix.O_CLOEXEC)
		unix.Close(fd)
		return err == unix.ESTALE
	})
}

// named replaces the number of a user by its name.
func (p *process) named(s string) string {
	id, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return s
	}
	return p.userName(uint32(id))
}
