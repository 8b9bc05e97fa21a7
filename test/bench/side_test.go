package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"syncfs/test/bare"
)

// A bench is where all of one benchmark happens: programs that a user may run, inputs that it may read, folders.
type bench struct {
	*testing.B
	dir  string
	self string // this program
	as   *syscall.Credential
	env  []string
	in   inputs
}

// newBench is for the user who runs the benchmarks, or for an ordinary one.
func newBench(b *testing.B, ordinary bool) *bench {
	dir := b.TempDir()
	for d := dir; d != filepath.Clean(os.TempDir()); d = filepath.Dir(d) {
		must(b, os.Chmod(d, 0o755))
	}
	x := &bench{B: b, dir: dir, self: filepath.Join(dir, "self")}
	self, err := os.Executable()
	must(b, err)
	run(b, "cp", self, x.self)
	run(b, "cp", program(b), filepath.Join(dir, "syncfs"))
	if ordinary {
		x.as = bare.Nobody()
	}
	runtime := x.own("runtime", 0o700)
	home := x.own("home", 0o755)
	must(b, os.WriteFile(filepath.Join(home, ".gitconfig"), []byte("[safe]\n\tdirectory = *\n"), 0o644)) // inputs are another's
	x.env = append(os.Environ(), "HOME="+home, "XDG_RUNTIME_DIR="+runtime)
	x.in = x.inputs()
	return x
}

// of is x for a part of the benchmark.
func (x *bench) of(b *testing.B) *bench {
	y := *x
	y.B = b
	return &y
}

// own makes a directory of the user's.
func (x *bench) own(name string, mode os.FileMode) string {
	dir := filepath.Join(x.dir, name)
	must(x.B, os.Mkdir(dir, mode))
	if x.as != nil {
		must(x.B, os.Chown(dir, int(x.as.Uid), int(x.as.Gid)))
	}
	return dir
}

// command is one that the user runs.
func (x *bench) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = x.dir
	cmd.Env = x.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: x.as}
	return cmd
}

func (x *bench) output(name string, args ...string) string {
	x.Helper()
	out, err := x.command(name, args...).CombinedOutput()
	if err != nil {
		x.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// inputs makes what workloads read.
func (x *bench) inputs() inputs {
	in := inputs(x.own("inputs", 0o755))
	src := source(x.B)
	run(x.B, "tar", "-cf", in.archive(), "-C", filepath.Dir(src), "src")
	run(x.B, "cp", "-r", filepath.Join(src, "net"), in.origin())
	git := func(args ...string) {
		run(x.B, "git", append([]string{"-C", in.origin(), "-c", "user.name=b", "-c", "user.email=b@b"}, args...)...)
	}
	git("init", "-q", "-b", "main")
	git("add", "-A")
	git("commit", "-qm", "all")
	return in
}

// workDo is the first argument by which this program does a workload in a folder, and prints how long it took.
const workDo = "bench-workload"

func TestMain(m *testing.M) {
	if status, ours := bare.Main(); ours {
		os.Exit(status)
	}
	if len(os.Args) == 6 && os.Args[1] == workDo {
		if err := work(os.Args[2], os.Args[3], inputs(os.Args[4]), os.Args[5]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// work prepares or runs a workload.
func work(name, part string, in inputs, dir string) error {
	for _, w := range workloads {
		if w.name != name {
			continue
		}
		do := w.run
		if part == "prepare" {
			do = w.prepare
		}
		began := time.Now()
		if err := do(in, dir); err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(time.Since(began).Nanoseconds())
	}
	return fmt.Errorf("%s: no such workload", name)
}

// do has the user do a workload in a folder.
func (x *bench) do(w workload, part, dir string) time.Duration {
	x.Helper()
	ns, err := strconv.ParseInt(x.output(x.self, workDo, w.name, part, string(x.in), dir), 10, 64)
	must(x.B, err)
	return time.Duration(ns)
}

// A side is a folder in which workloads run: settled returns when nothing of what was done is still under way.
type side struct {
	settled func()
	end     func()
}

// sides are a plain directory, a mount as people have it, and the same mount without a journal.
var sides = map[string]func(x *bench, dir string) side{
	"native": func(x *bench, dir string) side {
		return side{func() { x.output("sync", "-f", dir) }, func() {}}
	},
	"mount": func(x *bench, dir string) side {
		syncfs := filepath.Join(x.dir, "syncfs")
		x.output(syncfs, "mount", dir, "--name", "a", "--interval", "off")
		return side{
			func() { x.output("sync", "-f", dir); x.output(syncfs, "flush", dir) },
			func() { x.output(syncfs, "umount", dir) },
		}
	},
	"bare": func(x *bench, dir string) side {
		m, err := bare.Start(x.self, dir, x.as, false)
		must(x.B, err)
		return side{func() { x.output("sync", "-f", dir) }, func() { must(x.B, m.Stop()) }}
	},
}
