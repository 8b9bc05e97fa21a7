package churn

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// ProgramsArg is the first argument by which a program is run as the programs: its main function calls
// Programs then. They are a process of their own, since a process that waits for its own mount can't be killed.
const ProgramsArg = "churn-programs"

// Command is the command that has so many threads do so many random things each in dir.
func Command(ctx context.Context, dir string, seed uint64, threads, each int) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{ProgramsArg, dir, fmt.Sprint(seed), fmt.Sprint(threads), fmt.Sprint(each)}
	return exec.CommandContext(ctx, self, args...), nil
}

// Programs does what Command was told, and returns the exit status of the process. It prints what succeeded.
func Programs() int {
	var n [3]uint64
	for i := range n {
		n[i], _ = strconv.ParseUint(os.Args[3+i], 10, 64)
	}
	var log lines
	var all sync.WaitGroup
	for thread := range n[1] {
		p := &program{dir: os.Args[2], rand: rand.New(rand.NewPCG(n[0], thread)), thread: thread, log: &log}
		all.Go(func() {
			for range n[2] {
				p.something()
			}
		})
	}
	all.Wait()
	io.WriteString(os.Stdout, log.text.String())
	return 0
}

// lines are told by several at once.
type lines struct {
	mu   sync.Mutex // guards text; nothing is locked after it
	text strings.Builder
}

// A program is one thread that works in a folder.
type program struct {
	dir    string
	rand   *rand.Rand
	thread uint64
	number int
	log    *lines
}

var names = []string{"a", "b", "c", "d", "e.txt"}

func (p *program) name() string { return names[p.rand.IntN(len(names))] }

// any is something that is there, a directory if that is asked for.
func (p *program) any(dir bool) string {
	at := p.dir
	for {
		l, err := os.ReadDir(at)
		var to []string
		for _, e := range l {
			if !dir || e.IsDir() {
				to = append(to, e.Name())
			}
		}
		if err != nil || len(to) == 0 || at != p.dir && p.rand.IntN(3) == 0 {
			return at
		}
		at = filepath.Join(at, to[p.rand.IntN(len(to))])
	}
}

// fresh is a name in some directory, which may be taken.
func (p *program) fresh() string {
	dir := p.dir
	if p.rand.IntN(4) > 0 {
		dir = p.any(true)
	}
	return filepath.Join(dir, p.name())
}

func (p *program) something() {
	a, b := p.any(false), p.fresh()
	if a == p.dir {
		a = p.fresh()
	}
	switch n := p.rand.IntN(100); {
	case n < 25:
		p.did("write", p.write(b, os.O_CREATE|os.O_TRUNC), b)
	case n < 30:
		p.did("append", p.write(a, os.O_APPEND), a)
	case n < 42:
		p.did("mkdir", unix.Mkdir(b, 0o755), b)
	case n < 60:
		p.did("rename", unix.Rename(a, b), a, b)
	case n < 65:
		other := p.any(false)
		p.did("exchange", unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, other, unix.RENAME_EXCHANGE), a, other)
	case n < 72:
		p.did("unlink", unix.Unlink(a), a)
	case n < 75:
		p.did("rmdir", unix.Rmdir(a), a)
	case n < 78:
		p.did("rm -r", os.RemoveAll(b), b)
	case n < 83:
		p.did("link", unix.Link(a, b), a, b)
	case n < 88:
		p.did("symlink", unix.Symlink(p.name(), b), b)
	case n < 93:
		p.did("chmod", unix.Chmod(a, []uint32{0o700, 0o755, 0o644 | 0o100}[p.rand.IntN(3)]), a)
	case n < 96:
		p.did("truncate", unix.Truncate(a, int64(p.rand.IntN(5000))), a)
	case n < 98:
		ts := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, {Sec: int64(1e9 + p.rand.IntN(1e6))}}
		p.did("utimens", unix.UtimesNanoAt(unix.AT_FDCWD, a, ts, unix.AT_SYMLINK_NOFOLLOW), a)
	default:
		p.did("save", p.save(b), b)
	}
}

// write is open, write, close.
func (p *program) write(path string, flags int) error {
	f, err := os.OpenFile(path, os.O_WRONLY|flags, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	p.number++
	_, err = fmt.Fprintf(f, "%d by %d %s\n", p.number, p.thread, strings.Repeat("x", p.rand.IntN(3000)))
	return err
}

// save writes a file as editors do: a temporary one, renamed over.
func (p *program) save(path string) error {
	tmp := fmt.Sprintf("%s.tmp%d", path, p.thread)
	if err := p.write(tmp, os.O_CREATE|os.O_TRUNC); err != nil {
		return err
	}
	return unix.Rename(tmp, path)
}

func (p *program) did(what string, err error, paths ...string) {
	if err != nil {
		return
	}
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	fmt.Fprintf(&p.log.text, "%s %d %s", time.Now().Format("05.000000"), p.thread, what)
	for _, path := range paths {
		rel, _ := filepath.Rel(p.dir, path)
		fmt.Fprintf(&p.log.text, " %s", rel)
	}
	p.log.text.WriteByte('\n')
}
