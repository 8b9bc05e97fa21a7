package fusefs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"syncfs/journal/change"
	"syncfs/journal/signature"
	"syncfs/journal/step"
)

// stage makes a file in staging.
func (t *tester) stage(name, content string) string {
	t.Helper()
	t.must(os.WriteFile(t.under+"/.syncfs/staging/"+name, []byte(content), 0o644))
	return name
}

func (t *tester) signature(path string) signature.Signature {
	t.Helper()
	st, err := t.Stat(path)
	t.must(err)
	return st.Signature
}

// place puts content at path, over what is there.
func (t *tester) place(path, content string) {
	t.Helper()
	var old signature.Signature
	if st, err := t.Stat(path); err == nil {
		old = st.Signature
	}
	_, _, err := t.Place(t.stage("s", content), path, old)
	t.must(err)
}

// trashed returns what trash holds of path.
func (t *tester) trashed(path string) []string {
	t.Helper()
	found, err := filepath.Glob(t.under + "/.syncfs/trash/*/" + path)
	t.must(err)
	var all []string
	for _, f := range found {
		b, err := os.ReadFile(f)
		t.must(err)
		all = append(all, string(b))
	}
	return all
}

func TestPlaceIsSeenAtOnce(t *testing.T) {
	m := start(t)
	m.must(os.Mkdir(m.path("d"), 0o755))
	m.write("d/f", "old")
	m.want("d/f", "old")
	if _, err := os.Stat(m.path("d/new")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("stat of what is not there: %v", err)
	}
	old, err := os.Open(m.path("d/f"))
	m.must(err)
	defer old.Close()
	m.rec.waitSettled(t, "d/f")
	m.rec.take()

	m.place("d/f", "the new content")
	m.place("d/new", "new")
	m.want("d/f", "the new content")
	m.want("d/new", "new")
	if st, err := os.Stat(m.path("d/f")); err != nil || st.Size() != 15 {
		t.Errorf("stat: %v, %v", st, err)
	}
	if b, err := io.ReadAll(old); err != nil || string(b) != "old" {
		t.Errorf("the open handle reads %q, %v", b, err)
	}
	if names := m.names("d"); names != "f new" {
		t.Errorf("listed: %s", names)
	}
	if got := fmt.Sprint(m.trashed("d/f")); got != "[old]" {
		t.Errorf("in trash: %s", got)
	}
	if all := m.rec.take(); len(all) != 0 {
		t.Errorf("steps were recorded: %s", show(all))
	}
}

func (t *tester) names(dir string) string {
	t.Helper()
	all, err := os.ReadDir(t.path(dir))
	t.must(err)
	var names []string
	for _, e := range all {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestStepsOnTheRest(t *testing.T) {
	m := start(t)
	m.write("a", "a")
	m.must(os.Mkdir(m.path("d"), 0o755))
	m.rec.waitSettled(t, "a")
	m.names("")
	st, _, err := m.Move("a", "d/b", m.signature("a"))
	m.must(err)
	if st.Name != "b" || m.names("") != "d" {
		t.Errorf("moved: %+v, left: %s", st, m.names(""))
	}
	m.want("d/b", "a")
	mode, mtime, x := uint32(0o600), int64(1e18), "value"
	st, _, err = m.Attr("d/b", st.Signature, step.Attr{Mode: &mode, MTime: &mtime, XAttrs: map[string]*string{"user.x": &x}})
	m.must(err)
	if st.Mode != mode || st.Signature.MTime != mtime {
		t.Errorf("attr: %+v", st)
	}
	if info, err := os.Stat(m.path("d/b")); err != nil || info.Mode() != 0o600 || info.ModTime().UnixNano() != mtime {
		t.Errorf("seen: %v, %v", info, err)
	}
	if all, err := m.XAttrs("d/b"); err != nil || all["user.x"] != x {
		t.Errorf("xattrs: %v, %v", all, err)
	}
	_, err = m.Remove("d", m.signature("d"))
	if !errors.Is(err, unix.ENOTEMPTY) {
		t.Errorf("rmdir of a full directory: %v", err)
	}
	_, err = m.Remove("d/b", st.Signature)
	m.must(err)
	_, err = m.Remove("d", m.signature("d"))
	m.must(err)
	if m.names("") != "" {
		t.Errorf("left: %s", m.names(""))
	}
	m.must(os.Mkdir(m.under+"/.syncfs/staging/dir", 0o750))
	m.must(os.Symlink("target", m.under+"/.syncfs/staging/link"))
	for _, s := range []string{"dir", "link"} {
		_, _, err := m.Place(s, s, signature.Signature{})
		m.must(err)
	}
	if target, err := os.Readlink(m.path("link")); err != nil || target != "target" {
		t.Errorf("link: %q, %v", target, err)
	}
	if info, err := os.Stat(m.path("dir")); err != nil || info.Mode() != 0o750|fs.ModeDir {
		t.Errorf("dir: %v, %v", info, err)
	}
}

// A staged file that was refused at one path may be placed at another, with other times: these are its own from then on,
// also to a kernel that keeps times.
func TestPlacedAfterItWasRefused(t *testing.T) {
	m := start(t)
	m.must(os.MkdirAll(m.path("d/sub"), 0o755))
	m.stage("s", "x")
	for i, path := range []string{"d/sub", "d/f"} {
		at := time.Unix(int64(1e9+i), 0)
		m.must(os.Chtimes(m.under+"/.syncfs/staging/s", at, at))
		if _, _, err := m.Place("s", path, noSignature); (err == nil) != (path == "d/f") {
			t.Errorf("%s: %v", path, err)
		}
	}
	seen, err := os.Stat(m.path("d/f"))
	m.must(err)
	m.must(m.Sync(t.Context()))
	if under := m.signature("d/f").MTime; seen.ModTime().Unix() != 1e9+1 || under != (1e9+1)*1e9 {
		t.Errorf("seen %v, underneath %v", seen.ModTime(), time.Unix(0, under))
	}
}

func TestStepsRefused(t *testing.T) {
	m := start(t)
	m.write("f", "one")
	m.rec.waitSettled(t, "f")
	was := m.signature("f")
	m.write("f", "two!")
	m.rec.wait(t, "write", func(c change.Change) bool { return c.Kind == change.Dirty })
	m.rec.waitSettled(t, "f")
	wantErr := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	none := signature.Signature{}
	_, _, err := m.Place(m.stage("s", "x"), "f", was)
	wantErr("place over a change", err, step.ErrChanged)
	_, _, err = m.Place("s", "f", none)
	wantErr("place over a new file", err, step.ErrChanged)
	_, _, err = m.Place("s", "gone", was)
	wantErr("place over what is gone", err, step.ErrChanged)
	_, _, err = m.Move("f", "g", was)
	wantErr("move of a change", err, step.ErrChanged)
	_, err = m.Remove("f", was)
	wantErr("remove of a change", err, step.ErrChanged)
	mode := uint32(0o600)
	_, _, err = m.Attr("f", was, step.Attr{Mode: &mode})
	wantErr("attr of a change", err, step.ErrChanged)
	_, _, err = m.Attr("f", was, step.Attr{XAttrs: map[string]*string{}})
	wantErr("nothing to be set of a change", err, step.ErrChanged)
	m.want("f", "two!")

	f, err := os.OpenFile(m.path("f"), os.O_WRONLY, 0)
	m.must(err)
	_, err = f.WriteString("four")
	m.must(err)
	_, _, err = m.Place("s", "f", m.signature("f"))
	wantErr("place over a file being written", err, step.ErrBusy)
	if w := fmt.Sprint(m.Writers()); w != "[f]" {
		t.Errorf("writers: %s", w)
	}
	m.rec.take()
	m.must(f.Close())
	m.rec.waitSettled(t, "f")
	m.place("f", "placed")
	m.want("f", "placed")
	for _, bad := range []string{".syncfs/x", "../x", "a//b", "./x", "a\x00b"} {
		if _, _, err := m.Place(m.stage("s", "x"), bad, none); err == nil {
			t.Errorf("placed at %q", bad)
		}
	}
}

func TestStillFilesSettle(t *testing.T) {
	m := start(t)
	f, err := os.Create(m.path("log"))
	m.must(err)
	defer f.Close()
	_, err = f.WriteString("line")
	m.must(err)
	m.must(f.Sync())
	begun := time.Now()
	m.rec.waitSettled(t, "log")
	if d := time.Since(begun); d < still-100*time.Millisecond {
		t.Errorf("settled after %v", d)
	}
	m.rec.take()
	_, err = f.WriteString("line")
	m.must(err)
	m.must(f.Sync())
	m.rec.waitSettled(t, "log")
	m.place("log", "placed")
	m.want("log", "placed")
}

func TestReservedIsHidden(t *testing.T) {
	m := start(t)
	m.write("f", "x")
	m.place("g", "through the helper")
	for name, err := range map[string]error{
		"stat":        unix.Access(m.path(".syncfs"), 0),
		"stat in":     unix.Access(m.path(".syncfs/staging"), 0),
		"stat hidden": unix.Access(m.path(".syncfs-"), 0),
		"remove":      os.RemoveAll(m.path(".syncfs/trash")),
	} {
		if name != "remove" && err != unix.ENOENT {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"mkdir":   os.Mkdir(m.path(".syncfs"), 0o755),
		"create":  os.WriteFile(m.path(".syncfs"), nil, 0o644),
		"rename":  os.Rename(m.path("f"), m.path(".syncfs")),
		"symlink": os.Symlink("f", m.path(".syncfs")),
		"link":    os.Link(m.path("f"), m.path(".syncfs")),
	} {
		if !errors.Is(err, unix.EPERM) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if names := m.names(""); names != "f g" {
		t.Errorf("listed: %s", names)
	}
	m.must(os.Mkdir(m.path("d"), 0o755))
	m.must(os.Mkdir(m.path("d/.syncfs"), 0o755))
}

func TestWatchersAreTold(t *testing.T) {
	m := start(t)
	m.must(os.Mkdir(m.path("d"), 0o755))
	m.write("d/f", "old")
	m.rec.waitSettled(t, "d/f")
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	m.must(err)
	defer unix.Close(fd)
	_, err = unix.InotifyAddWatch(fd, m.path("d"), unix.IN_MOVED_TO|unix.IN_MOVED_FROM|unix.IN_DELETE|unix.IN_ATTRIB)
	m.must(err)
	m.place("d/f", "new")
	m.place("d/g", "new")
	_, err = m.Remove("d/g", m.signature("d/g"))
	m.must(err)
	_, _, err = m.Move("d/f", "d/h", m.signature("d/f"))
	m.must(err)
	got := events(t, fd)
	want := fmt.Sprintf("[%x:f %x:g %x:g %x:f %x:h]", unix.IN_MOVED_TO, unix.IN_MOVED_TO, unix.IN_DELETE, unix.IN_MOVED_FROM, unix.IN_MOVED_TO)
	if fmt.Sprint(got) != want {
		t.Errorf("events %v, want %s", got, want)
	}
}

// What is placed in a directory that no program has seen yet is placed underneath; programs find all the
// same, whenever they come by.
func TestPlacedTree(t *testing.T) {
	m := start(t)
	m.names("")
	for i, dir := range []string{"d", "d/e"} {
		name := fmt.Sprint("dir", i)
		m.must(os.Mkdir(m.under+"/.syncfs/staging/"+name, 0o755))
		_, _, err := m.Place(name, dir, signature.Signature{})
		m.must(err)
	}
	for i := range 100 {
		_, _, err := m.Place(m.stage(fmt.Sprint("s", i), "first"), fmt.Sprintf("d/e/%02d", i), signature.Signature{})
		m.must(err)
	}
	m.place("d/e/00", "second")
	m.want("d/e/00", "second")
	m.place("d/e/00", "third, now seen")
	m.want("d/e/00", "third, now seen")
	_, _, err := m.Move("d/e/01", "d/moved", m.signature("d/e/01"))
	m.must(err)
	m.want("d/moved", "first")
	if n := len(strings.Fields(m.names("d/e"))); n != 99 {
		t.Errorf("%d files", n)
	}
	m.place("d/e/new", "new")
	if n := len(strings.Fields(m.names("d/e"))); n != 100 {
		t.Errorf("%d files", n)
	}
	if n := m.v.table.seenDirs(); n != 3 {
		t.Errorf("%d directories seen", n)
	}
}

func (t *table) seenDirs() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, d := range t.nodes {
		if d.kind == unix.S_IFDIR && d.seen {
			n++
		}
	}
	return n
}

func BenchmarkPlace(b *testing.B) {
	for _, seen := range []bool{false, true} {
		b.Run(fmt.Sprintf("seen=%v", seen), func(b *testing.B) {
			dir := b.TempDir()
			m, err := Mount(dir, Options{Recorder: newRecording()})
			if err != nil {
				b.Fatal(err)
			}
			defer m.Close()
			defer m.Unmount()
			under := fmt.Sprintf("/proc/self/fd/%d/.syncfs/staging/", m.v.folder.Root())
			os.Mkdir(under+"d", 0o755)
			if _, _, err := m.Place("d", "d", signature.Signature{}); err != nil {
				b.Fatal(err)
			}
			if seen {
				os.ReadDir(dir + "/d")
			}
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				name := fmt.Sprint(i)
				os.WriteFile(under+name, nil, 0o644)
				b.StartTimer()
				if _, _, err := m.Place(name, "d/"+name, signature.Signature{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// asHelper has fn make the calls of a step.
func (t *tester) asHelper(s *doing, fn func()) {
	t.Helper()
	was := t.v.helper.Load()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	t.v.doing.Store(s)
	t.v.helper.Store(uint32(unix.Gettid()))
	fn()
	t.v.helper.Store(was)
	t.v.doing.Store(nil)
	t.v.names.Lock() // what the handlers noted is read from here on
	defer t.v.names.Unlock()
}

// The helper walks to a path before it makes its call. A directory that a program renames meanwhile is another's path by
// then: the step is not made, since the change would be told of the wrong directory.
func TestStepsInADirectoryThatIsRenamed(t *testing.T) {
	m := start(t)
	m.must(os.Mkdir(m.path("d"), 0o755))
	m.write("d/f", "one")
	m.write("d/other", "two")
	m.rec.waitSettled(t, "d/f")
	m.rec.waitSettled(t, "d/other")
	staging, dir := -1, -1
	defer func() { unix.Close(staging); unix.Close(dir) }()
	m.asHelper(nil, func() {
		var err error
		staging, err = unix.Open(m.path(m.v.hidden), unix.O_PATH|unix.O_CLOEXEC, 0)
		m.must(err)
		dir, err = unix.Open(m.path("d"), unix.O_PATH|unix.O_CLOEXEC, 0)
		m.must(err)
	})
	m.must(os.Rename(m.path("d"), m.path("e")))
	m.must(os.Mkdir(m.path("d"), 0o755))
	refused := func(what string, s *doing, call func() error) {
		t.Helper()
		var err error
		m.asHelper(s, func() { err = call() })
		if err != unix.ESTALE || s.err != step.ErrChanged {
			t.Errorf("%s: %v, because of %v", what, err, s.err)
		}
	}
	sig, other, name := m.signature("e/f"), m.signature("e/other"), m.stage("s", "new")
	refused("place", &doing{path: "d/new", staged: name}, func() error { return unix.Renameat(staging, name, dir, "new") })
	refused("move", &doing{path: "d/f", to: "d/g", sig: sig}, func() error { return unix.Renameat(dir, "f", dir, "g") })
	refused("exchange", &doing{path: "d/f", to: "d/other", sig: sig, other: other}, func() error {
		return unix.Renameat2(dir, "f", dir, "other", unix.RENAME_EXCHANGE)
	})
	refused("remove", &doing{path: "d/f", sig: sig}, func() error { return unix.Unlinkat(dir, "f", 0) })
	refused("attr", &doing{path: "d/f", sig: sig, attr: true}, func() error { return unix.Fchmodat(dir, "f", 0o600, 0) })
	if got := m.names("e") + ", " + m.names("d"); got != "f other, " {
		t.Errorf("in the directory that was renamed, and where it was: %s", got)
	}
	if info, err := os.Stat(m.path("e/f")); err != nil || info.Mode() != 0o644 {
		t.Errorf("the file: %v, %v", info, err)
	}
}

// The inode number of a file that is gone may be a directory's by now: a step that is meant for the file leaves that alone.
func TestAStepForAFileLeavesADirectoryAlone(t *testing.T) {
	m := start(t)
	m.must(os.Mkdir(m.path("d"), 0o755))
	file := m.signature("d")
	file.Dir = false
	if _, _, err := m.Move("d", "e", file); !errors.Is(err, step.ErrChanged) {
		t.Errorf("move: %v", err)
	}
	if _, err := m.Remove("d", file); !errors.Is(err, step.ErrChanged) {
		t.Errorf("remove: %v", err)
	}
	if names := m.names(""); names != "d" {
		t.Errorf("left: %s", names)
	}
}
