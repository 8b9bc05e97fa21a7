package bare

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// operations are what a program does, and what the kernel asks for it: of root's mount, and of an ordinary user's. After
// each the program looks at the folder, so that what a change of it leaves to be asked (GETATTR) is counted with the
// change. Left out is FORGET, for which nobody waits, and the SETATTR of an ordinary user's mount that tells the times of a
// file that was written: there is none where it was made in the same tick of the clock.
var operations = []struct {
	name       string
	run        func() error
	root, user string
}{
	{"create, write, close", func() error { return create("new") },
		"CREATE 1, GETATTR 1, GETXATTR 1, LOOKUP 1, RELEASE 1",
		"CREATE 1, FLUSH 1, GETATTR 1, GETXATTR 1, LOOKUP 1, RELEASE 1, WRITE 1"},
	{"open, write, close", func() error { return write("new", unix.O_WRONLY) },
		"OPEN 1, RELEASE 1", "FLUSH 1, OPEN 1, RELEASE 1, WRITE 1"},
	{"open to truncate, close", func() error { return empty("new") },
		"OPEN 1, RELEASE 1, SETATTR 1", "FLUSH 1, OPEN 1, RELEASE 1, SETATTR 1"},
	{"open, read, close", func() error { return read("file") }, "OPEN 1, RELEASE 1", "FLUSH 1, OPEN 1, RELEASE 1"},
	{"stat of what was read", func() error { return stat("file") }, "GETATTR 1", "GETATTR 1"},
	{"stat", func() error { return stat("file") }, "", ""},
	{"stat of what is not there", func() error { return absent("none") }, "", ""},
	{"readdir after a change", list, "GETATTR 1, READDIRPLUS 2", "GETATTR 1, READDIRPLUS 2"},
	{"readdir", list, "", ""},
	{"chmod", func() error { return unix.Chmod("file", 0o600) }, "SETATTR 1", "SETATTR 1"},
	{"mkdir", func() error { return unix.Mkdir("sub", 0o755) }, "GETATTR 1, LOOKUP 1, MKDIR 1", "GETATTR 1, LOOKUP 1, MKDIR 1"},
	{"rmdir", func() error { return unix.Rmdir("sub") }, "GETATTR 1, RMDIR 1", "GETATTR 1, RMDIR 1"},
	{"rename", func() error { return unix.Rename("new", "renamed") },
		"GETATTR 1, LOOKUP 1, RENAME 1", "GETATTR 1, LOOKUP 1, RENAME 1, SETATTR 1"},
	{"rename over", func() error { return unix.Rename("renamed", "file") },
		"GETATTR 1, LOOKUP 1, RENAME 1", "GETATTR 1, LOOKUP 1, RENAME 1, SETATTR 2"},
	{"unlink", func() error { return unix.Unlink("file") }, "GETATTR 1, UNLINK 1", "GETATTR 1, SETATTR 1, UNLINK 1"},
}

// doing is the first argument by which this program waits for the names of operations, and does them in a directory.
const doing = "bare-operations"

func TestMain(m *testing.M) {
	if status, ours := Main(); ours {
		os.Exit(status)
	}
	if len(os.Args) == 3 && os.Args[1] == doing {
		if err := operate(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func operate(dir string) error {
	if err := os.Chdir(dir); err != nil {
		return err
	}
	for {
		var i int
		if _, err := fmt.Scanln(&i); err != nil {
			return nil
		}
		run := prepare
		if i != warm {
			run = operations[i].run
		}
		if err := run(); err != nil {
			return fmt.Errorf("operation %d: %w", i, err)
		}
		if err := look(); err != nil {
			return err
		}
		fmt.Println("done")
	}
}

// warm is the number of what is done first and not counted: the kernel finds out what is there, and what it need not ask.
const warm = -1

func prepare() error {
	_ = stat("none")
	return errors.Join(create("file"), read("file"), stat("file"), list(), look(), list())
}

// look has the kernel know the folder: what a change in it leaves to be asked is not the next operation's.
func look() error {
	var st unix.Stat_t
	return unix.Stat(".", &st)
}

func create(name string) error { return write(name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL) }

func write(name string, flags int) error {
	fd, err := unix.Open(name, flags, 0o644)
	if err != nil {
		return err
	}
	if _, err := unix.Write(fd, make([]byte, 4096)); err != nil {
		return err
	}
	return unix.Close(fd)
}

func empty(name string) error {
	fd, err := unix.Open(name, unix.O_WRONLY|unix.O_TRUNC, 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func read(name string) error {
	fd, err := unix.Open(name, unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	if _, err := unix.Read(fd, make([]byte, 4096)); err != nil {
		return err
	}
	return unix.Close(fd)
}

func stat(name string) error {
	var st unix.Stat_t
	return unix.Stat(name, &st)
}

func absent(name string) error {
	if err := stat(name); err != unix.ENOENT {
		return fmt.Errorf("stat: %w", err)
	}
	return nil
}

func list() error {
	fd, err := unix.Open(".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	buf := make([]byte, 4096)
	for n := 1; n > 0; {
		if n, err = unix.Getdents(fd, buf); err != nil {
			return err
		}
	}
	return unix.Close(fd)
}

// The kernel asks no more than it must.
func TestRequests(t *testing.T) {
	if os.Getuid() == 0 {
		t.Run("root", func(t *testing.T) { count(t, nil) })
	}
	t.Run("user", func(t *testing.T) { count(t, Nobody()) })
}

func count(t *testing.T, as *syscall.Credential) {
	dir, self := folder(t, as)
	m, err := Start(self, dir, as, true)
	if err != nil {
		t.Fatalf("mount (FUSE is needed): %v", err)
	}
	t.Cleanup(func() {
		if err := m.Stop(); err != nil {
			t.Error(err)
		}
	})
	do := program(t, self, dir, as)
	do(warm)
	before := settled(t, m)
	for i, op := range operations {
		do(i)
		after := settled(t, m)
		want := op.root
		if as != nil || os.Getuid() != 0 {
			want = op.user
		}
		if strings.Contains(op.name, "write") {
			before["SETATTR"] = after["SETATTR"]
		}
		if got := difference(before, after); got != want {
			t.Errorf("%s: %s; want %s", op.name, got, want)
		}
		before = after
	}
}

// folder makes an empty folder of the user's, and a program that the user may run.
func folder(t *testing.T, as *syscall.Credential) (dir, self string) {
	t.Helper()
	base := t.TempDir()
	for d := base; d != filepath.Clean(os.TempDir()); d = filepath.Dir(d) {
		must(t, os.Chmod(d, 0o755))
	}
	dir, self = filepath.Join(base, "folder"), filepath.Join(base, "self")
	must(t, os.Mkdir(dir, 0o755))
	if as != nil {
		must(t, os.Chown(dir, int(as.Uid), int(as.Gid)))
	}
	binary, err := os.ReadFile(os.Args[0])
	must(t, err)
	must(t, os.WriteFile(self, binary, 0o755))
	return dir, self
}

// program starts the process that operates; do has it do one thing.
func program(t *testing.T, self, dir string, as *syscall.Credential) (do func(i int)) {
	t.Helper()
	cmd := exec.Command(self, doing, dir)
	cmd.Stderr = t.Output()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		must(t, cmd.Wait())
	})
	return func(i int) {
		t.Helper()
		var done string
		if _, err := fmt.Fprintln(in, i); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fscanln(out, &done); err != nil {
			t.Fatal(err)
		}
	}
}

// settled is what was asked when all that was opened is released, which nobody waits for.
func settled(t *testing.T, m *Mount) map[string]int {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		got, err := m.Requests()
		must(t, err)
		if got["RELEASE"] == got["OPEN"]+got["CREATE"] {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("not all is released: %v", got)
		}
	}
}

func difference(before, after map[string]int) string {
	var l []string
	for _, kind := range slices.Sorted(maps.Keys(after)) {
		if n := after[kind] - before[kind]; n > 0 && !strings.HasSuffix(kind, "FORGET") {
			l = append(l, fmt.Sprint(kind, " ", n))
		}
	}
	return strings.Join(l, ", ")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
