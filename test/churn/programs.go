package churn

import (
	"context"
	"fmt"
	"io"
	"io/fs"
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

// Programs does what Command was told, and returns the exit status of the process. It prints what succeeded. Of one
// thread it also prints which contents it has written, and which it has replaced or removed: "+content", "-content".
func Programs() int {
	var n [3]uint64
	for i := range n {
		n[i], _ = strconv.ParseUint(os.Args[3+i], 10, 64)
	}
	var log lines
	var all sync.WaitGroup
	for thread := range n[1] {
		p := &program{
			dir: os.Args[2], rand: rand.New(rand.NewPCG(n[0], thread)), seed: n[0], thread: thread, alone: n[1] == 1, log: &log,
		}
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
	seed   uint64
	thread uint64
	alone  bool // it can tell what becomes of each content
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
		p.replaces(b, func() error { return p.did("write", p.write(b, os.O_CREATE|os.O_TRUNC), b) })
	case n < 30:
		p.replaces(a, func() error { return p.did("append", p.write(a, os.O_APPEND), a) })
	case n < 42:
		p.did("mkdir", unix.Mkdir(b, 0o755), b)
	case n < 60:
		p.moves(b, func() error { return p.did("rename", p.rename(a, b), a, b) })
	case n < 65:
		other := p.any(false)
		p.did("exchange", unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, other, unix.RENAME_EXCHANGE), a, other)
	case n < 72:
		p.moves(a, func() error { return p.did("unlink", unix.Unlink(a), a) })
	case n < 75:
		p.did("rmdir", unix.Rmdir(a), a)
	case n < 78:
		p.moves(b, func() error { return p.did("rm -r", os.RemoveAll(b), b) })
	case n < 83:
		p.did("link", unix.Link(a, b), a, b)
	case n < 88:
		p.did("symlink", unix.Symlink(p.name(), b), b)
	case n < 93:
		p.did("chmod", unix.Chmod(a, []uint32{0o700, 0o755, 0o644 | 0o100}[p.rand.IntN(3)]), a)
	case n < 96:
		p.replaces(a, func() error { return p.did("truncate", unix.Truncate(a, int64(p.rand.IntN(5000))), a) })
	case n < 98:
		ts := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, {Sec: int64(1e9 + p.rand.IntN(1e6))}}
		p.did("utimens", unix.UtimesNanoAt(unix.AT_FDCWD, a, ts, unix.AT_SYMLINK_NOFOLLOW), a)
	default:
		p.replaces(b, func() error { return p.did("save", p.save(b), b) })
	}
}

// replaces calls do, which writes a new content at path, and tells that and what it has replaced.
func (p *program) replaces(path string, do func() error) {
	if p.moves(path, do) != nil || !p.alone {
		return
	}
	if text, err := os.ReadFile(path); err == nil {
		p.tell("+", string(text))
	}
}

// moves calls do, which may take away what is at or below path, and tells which contents went with that.
func (p *program) moves(path string, do func() error) error {
	if !p.alone {
		return do()
	}
	var had []string
	filepath.WalkDir(path, func(at string, e fs.DirEntry, err error) error { //nolint:errcheck // it ends early or not
		if err == nil && e.Type().IsRegular() {
			if text, err := os.ReadFile(at); err == nil {
				had = append(had, string(text))
			}
		}
		return nil
	})
	if target, err := filepath.EvalSymlinks(path); err == nil && target != path {
		if text, err := os.ReadFile(target); err == nil {
			had = append(had, string(text))
		}
	}
	if err := do(); err != nil {
		return err
	}
	for _, text := range had {
		p.tell("-", text)
	}
	return nil
}

// tell prints what names a content. One that is short may be written twice.
func (p *program) tell(sign, text string) {
	if line, _, ok := strings.Cut(text, "\n"); ok {
		fmt.Fprintf(&p.log.text, "%s%s\n", sign, nameOf(line, text))
	}
}

// nameOf tells contents apart that begin with the same line: it is appended to, and cut.
func nameOf(line, text string) string { return fmt.Sprintf("%s, %d bytes", line, len(text)) }

// rename leaves a path in place that leads to the same file.
func (p *program) rename(from, to string) error {
	var a, b unix.Stat_t
	if unix.Lstat(from, &a) == nil && unix.Lstat(to, &b) == nil && a.Ino == b.Ino {
		return unix.EEXIST
	}
	return unix.Rename(from, to)
}

// write is open, write, close.
func (p *program) write(path string, flags int) error {
	f, err := os.OpenFile(path, os.O_WRONLY|flags, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	p.number++
	_, err = fmt.Fprintf(f, "%d by %d of %d\n%s", p.number, p.thread, p.seed, strings.Repeat("x", p.rand.IntN(3000)))
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

func (p *program) did(what string, err error, paths ...string) error {
	if err != nil {
		return err
	}
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	fmt.Fprintf(&p.log.text, "%s %d %s", time.Now().Format("05.000000"), p.thread, what)
	for _, path := range paths {
		rel, _ := filepath.Rel(p.dir, path)
		fmt.Fprintf(&p.log.text, " %s", rel)
	}
	p.log.text.WriteByte('\n')
	return nil
}
