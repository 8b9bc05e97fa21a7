package fusefs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"syncfs/journal/change"
	"syncfs/journal/signature"
	"syncfs/journal/step"
)

// An afar is an Absent: files by path, and how their content comes.
type afar struct {
	mu    sync.Mutex
	files map[string]string
	fetch func(ctx context.Context, path, content string) error

	// What was set, of whichever file.
	mode   uint32
	mtime  int64
	xattrs map[string]string
}

func (a *afar) stat(path string) step.Stat {
	return step.Stat{
		Name: path[strings.LastIndexByte(path, '/')+1:],
		Kind: step.File,
		Mode: a.mode,
		Signature: signature.Signature{
			Size:  int64(len(a.files[path])),
			MTime: a.mtime,
		},
	}
}

func (a *afar) AbsentFile(path string) (step.Stat, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.files[path]
	return a.stat(path), ok
}

func (a *afar) AbsentIn(dir string) []step.Stat {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []step.Stat
	for p := range a.files {
		if d, _, found := cutLast(p); found && d == dir || !found && dir == "" {
			all = append(all, a.stat(p))
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

func cutLast(p string) (dir, name string, found bool) {
	i := strings.LastIndexByte(p, '/')
	if i < 0 {
		return "", p, false
	}
	return p[:i], p[i+1:], true
}

func (a *afar) SetAbsent(path string, set step.Attr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, value := range set.XAttrs {
		if value == nil {
			delete(a.xattrs, name)
		} else {
			a.xattrs[name] = *value
		}
	}
	if set.Mode != nil {
		a.mode = *set.Mode
	}
	if set.MTime != nil {
		a.mtime = *set.MTime
	}
}

func (a *afar) AbsentXAttrs(string) map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.xattrs)
}

func (a *afar) Fetch(ctx context.Context, path string) error {
	a.mu.Lock()
	content, fetch := a.files[path], a.fetch
	a.mu.Unlock()
	return fetch(ctx, path, content)
}

func (a *afar) setFetch(fetch func(ctx context.Context, path, content string) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fetch = fetch
}

// follow takes a recorded change into account.
func (a *afar) follow(c change.Change) {
	a.mu.Lock()
	defer a.mu.Unlock()
	content, ok := a.files[c.Path]
	switch c.Kind {
	case change.Unlink, change.Dirty:
		delete(a.files, c.Path)
	case change.Rename:
		delete(a.files, c.To)
		if ok {
			delete(a.files, c.Path)
			a.files[c.To] = content
		}
	}
}

func startAbsent(t *testing.T, files map[string]string) (*tester, *afar) {
	a := &afar{files: files, mode: 0o644, mtime: 1e18, xattrs: map[string]string{}}
	m := startWith(t, func(o *Options) {
		o.Absent = a
		o.Recorder.(*recording).also = a.follow
	})
	a.setFetch(func(_ context.Context, path, content string) error {
		_, _, err := m.Place(m.stage("fetched", content), path, signature.Signature{})
		if err == nil {
			a.mu.Lock()
			delete(a.files, path)
			a.mu.Unlock()
		}
		return err
	})
	return m, a
}

func TestAbsentFileIsFetchedOnOpen(t *testing.T) {
	m, _ := startAbsent(t, map[string]string{"a": "content of a", "b": "content of b"})
	if names := m.names(""); names != "a b" {
		t.Errorf("listed: %s", names)
	}
	before, err := os.Stat(m.path("a"))
	m.must(err)
	if before.Size() != 12 {
		t.Errorf("size %d", before.Size())
	}
	f, err := os.Open(m.path("a"))
	m.must(err)
	defer f.Close()
	opened, err := f.Stat()
	m.must(err)
	if !os.SameFile(before, opened) {
		t.Error("the file opened is another than the one seen before")
	}
	m.want("a", "content of a")
	m.want("b", "content of b")
	if all := m.rec.take(); len(all) != 0 {
		t.Errorf("recorded: %s", show(all))
	}
}

func TestAbsentFileIsChangedWithoutContent(t *testing.T) {
	m, a := startAbsent(t, map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"})
	a.setFetch(func(context.Context, string, string) error { return errors.New("no peer") })
	m.must(os.Remove(m.path("a")))
	m.must(os.Rename(m.path("b"), m.path("e")))
	if _, err := os.Create(m.path("c")); !errors.Is(err, unix.EIO) {
		t.Errorf("open of what nobody has, to truncate it: %v", err)
	}
	m.must(os.Truncate(m.path("c"), 0))
	m.write("c", "mine")
	m.write("new", "mine")
	m.must(os.Rename(m.path("new"), m.path("d")))
	m.want("c", "mine")
	m.want("d", "mine")
	if names := m.names(""); names != "c d e" {
		t.Errorf("listed: %s", names)
	}
	if _, err := os.Open(m.path("e")); !errors.Is(err, unix.EIO) {
		t.Errorf("open of what nobody has: %v", err)
	}
	if _, err := os.Stat(m.path("b")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of the old name: %v", err)
	}
}

func TestFetchIsInterrupted(t *testing.T) {
	m, a := startAbsent(t, map[string]string{"a": "1"})
	asked := make(chan struct{})
	a.setFetch(func(ctx context.Context, _, _ string) error {
		close(asked)
		<-ctx.Done()
		return ctx.Err()
	})
	cat := exec.Command("cat", m.path("a"))
	m.must(cat.Start())
	within(t, "open does not ask for the content", asked)
	m.must(cat.Process.Kill())
	ended := make(chan struct{})
	go func() {
		cat.Wait()
		close(ended)
	}()
	within(t, "a killed process still waits for content", ended)
}

func within(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal(what)
	}
}

func TestAppearingFileIsSeen(t *testing.T) {
	m, a := startAbsent(t, map[string]string{})
	if _, err := os.Stat(m.path("a")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	m.names("")
	// The name a was looked up, the name b was only listed.
	for _, name := range []string{"a", "b"} {
		a.mu.Lock()
		a.files[name] = "content"
		a.mu.Unlock()
		m.Invalidate(name)
		if names := m.names(""); !strings.Contains(names, name) {
			t.Errorf("listed: %s", names)
		}
	}
	m.want("a", "content")
	m.want("b", "content")
}

// A step that has put a file in place is seen before the journal says that it is not absent any more: the file is
// listed once.
func TestListedWhilePlaced(t *testing.T) {
	m, _ := startAbsent(t, map[string]string{"d/a": "a", "d/b": "b"})
	if err := os.Mkdir(m.path("d"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.Place(m.stage("come", "a"), "d/a", signature.Signature{}); err != nil {
		t.Fatal(err)
	}
	l, err := os.ReadDir(m.path("d"))
	if err != nil {
		t.Fatal(err)
	}
	if len(l) != 2 || l[0].Name() != "a" || l[1].Name() != "b" {
		t.Errorf("listed: %v", l)
	}
}

// A file that is not here is told of with the size and the time of the version that is known by now, also while a program
// waits for it: a kernel that keeps them goes by what it was told first of a file that somebody uses.
func TestAbsentOfAnotherVersion(t *testing.T) {
	m, a := startAbsent(t, map[string]string{"f": "1"})
	waits, come := make(chan struct{}, 8), make(chan struct{})
	place := a.fetch
	a.setFetch(func(ctx context.Context, path, content string) error {
		waits <- struct{}{}
		<-come
		return place(ctx, path, "the other")
	})
	got := make(chan string)
	go func() {
		b, err := os.ReadFile(m.path("f"))
		got <- fmt.Sprint(string(b), err)
	}()
	<-waits
	a.mu.Lock()
	a.files["f"], a.mtime = "the other", 2e18
	a.mu.Unlock()
	m.Invalidate("f")
	seen := func(when string) {
		t.Helper()
		if info, err := os.Stat(m.path("f")); err != nil || info.Size() != 9 {
			t.Errorf("%s: %v, %v", when, info, err)
		}
	}
	seen("absent")
	close(come)
	if b := <-got; b != "the other<nil>" {
		t.Errorf("who has waited reads %s", b)
	}
	seen("here")
	m.want("f", "the other")
}
