package fusefs

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"syncfs/journal/change"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == HelperArg {
		os.Exit(HelperMain())
	}
	if path := os.Getenv(mapperEnv); path != "" {
		os.Exit(mapperMain(path))
	}
	if dir := os.Getenv(daemonEnv); dir != "" {
		os.Exit(daemonMain(dir))
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// A recording is a Recorder that remembers.
type recording struct {
	mu      sync.Mutex
	changes []change.Change
	grown   chan struct{} // closed and made anew with each change
	also    func(change.Change)
}

func newRecording() *recording { return &recording{grown: make(chan struct{})} }

func (r *recording) Record(c change.Change) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.Ranges = slices.Clone(c.Ranges)
	r.changes = append(r.changes, c)
	close(r.grown)
	r.grown = make(chan struct{})
	if r.also != nil {
		r.also(c)
	}
	return uint64(len(r.changes))
}

// take returns what was recorded and forgets it.
func (r *recording) take() []change.Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.changes
	r.changes = nil
	return all
}

// wait returns when a change for which ok holds is recorded.
func (r *recording) wait(t *testing.T, what string, ok func(change.Change) bool) change.Change {
	t.Helper()
	deadline := time.After(patience)
	for {
		r.mu.Lock()
		for _, c := range r.changes {
			if ok(c) {
				r.mu.Unlock()
				return c
			}
		}
		grown := r.grown
		r.mu.Unlock()
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("%s was not recorded; recorded: %s", what, show(r.take()))
		}
	}
}

func (r *recording) waitSettled(t *testing.T, path string) change.Change {
	t.Helper()
	return r.wait(t, "settled "+path, func(c change.Change) bool { return c.Kind == change.Settled && c.Path == path })
}

var kindNames = map[change.Kind]string{
	change.Create: "create", change.Mkdir: "mkdir", change.Symlink: "symlink", change.Link: "link",
	change.Unlink: "unlink", change.Rmdir: "rmdir", change.Rename: "rename", change.Exchange: "exchange",
	change.Attr: "attr", change.Dirty: "dirty", change.Settled: "settled",
}

// show writes changes one a line.
func show(all []change.Change) string {
	var b strings.Builder
	for _, c := range all {
		fmt.Fprintf(&b, "%s %s", kindNames[c.Kind], c.Path)
		if c.To != "" {
			fmt.Fprintf(&b, " %s", c.To)
		}
		if c.Local {
			b.WriteString(" local")
		}
		if c.Whole {
			b.WriteString(" whole")
		}
		for _, r := range c.Ranges {
			fmt.Fprintf(&b, " %d+%d", r.Offset, r.Length)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// A tester is a folder with a mount over it.
type tester struct {
	*testing.T
	*Mounted
	dir   string // the mount
	under string // the folder underneath, by another way
	rec   *recording
}

func start(t *testing.T) *tester { return startWith(t, nil) }

func startWith(t *testing.T, set func(*Options)) *tester {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "folder")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return startIn(t, dir, set)
}

func startIn(t *testing.T, dir string, set func(*Options)) *tester {
	t.Helper()
	under, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	rec := newRecording()
	o := Options{Recorder: rec, Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if set != nil {
		set(&o)
	}
	m, err := Mount(dir, o)
	if err != nil {
		t.Fatalf("mount (FUSE is needed): %v", err)
	}
	t.Cleanup(func() {
		under.Close()
		end(t, m)
	})
	return &tester{t, m, dir, fmt.Sprintf("/proc/self/fd/%d", under.Fd()), rec}
}

// end unmounts, by force if it must.
func end(t *testing.T, m *Mounted) {
	ended := make(chan error, 1)
	go func() {
		ended <- m.Unmount()
		m.Close()
		close(ended)
	}()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("unmount: %v", err)
		}
	case <-time.After(patience):
		t.Error("unmount hangs")
		abort(m)
		return
	}
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("the mount does not end: something is open in it")
		abort(m)
	}
}

// abort ends the connection of a mount that hangs.
func abort(m *Mounted) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if dev, err := deviceOf(m.point); err == nil {
		const ctl = "/sys/fs/fuse/connections"
		exec.CommandContext(ctx, "mount", "-t", "fusectl", "none", ctl).Run()
		os.WriteFile(fmt.Sprintf("%s/%d/abort", ctl, unix.Minor(dev)), []byte("1"), 0)
	}
	exec.CommandContext(ctx, "umount", "-l", m.point).Run()
}

func (t *tester) path(name string) string { return filepath.Join(t.dir, name) }

func (t *tester) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (t *tester) write(name, content string) {
	t.Helper()
	t.must(os.WriteFile(t.path(name), []byte(content), 0o644))
}

func (t *tester) read(name string) string {
	t.Helper()
	b, err := os.ReadFile(t.path(name))
	t.must(err)
	return string(b)
}

func (t *tester) want(name, content string) {
	t.Helper()
	if got := t.read(name); got != content {
		t.Errorf("%s holds %q, want %q", name, got, content)
	}
}

// wantChanges compares what was recorded, once the last of it is there.
func (t *tester) wantChanges(want string) {
	t.Helper()
	want = strings.TrimSpace(strings.ReplaceAll(want, "\t", "")) + "\n"
	n := strings.Count(want, "\n")
	t.rec.wait(t.T, fmt.Sprintf("change %d", n), func(change.Change) bool { return len(t.rec.changes) >= n })
	if got := show(t.rec.take()); got != want {
		t.Errorf("recorded:\n%swant:\n%s", got, want)
	}
}

func TestMountAndUnmount(t *testing.T) {
	m := start(t)
	m.write("a", "hello")
	m.want("a", "hello")
	if b, err := os.ReadFile(m.under + "/a"); err != nil || string(b) != "hello" {
		t.Errorf("underneath: %q, %v", b, err)
	}
	m.must(m.Unmount())
	m.must(m.Unmount())
	m.Wait()
	m.want("a", "hello")
	if st, err := m.Stat("a"); err != nil || st.Signature.Size != 5 {
		t.Errorf("the folder underneath, unmounted: %+v, %v", st, err)
	}
}

// daemonEnv is set for a process that only mounts, to be killed or measured; traceEnv has it log requests.
const (
	daemonEnv = "FUSEFS_TEST_DAEMON"
	traceEnv  = "FUSEFS_TEST_TRACE"
)

func daemonMain(dir string) int {
	level := slog.LevelWarn
	if os.Getenv(traceEnv) != "" {
		level = LevelTrace
	}
	m, err := Mount(dir, Options{
		Recorder: newRecording(),
		Logger:   slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("serves")
	m.Wait()
	return 0
}
