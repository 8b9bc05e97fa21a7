package backing

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"syncfs/journal/signature"
	"syncfs/journal/step"
)

var none signature.Signature

// A tester is a folder in a temporary directory.
type tester struct {
	*testing.T
	*Folder
	dir string
}

func start(t *testing.T) *tester {
	t.Helper()
	dir := t.TempDir()
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return &tester{t, f, dir}
}

func (t *tester) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (t *tester) write(path, content string) signature.Signature {
	t.Helper()
	t.must(os.WriteFile(filepath.Join(t.dir, path), []byte(content), 0o644))
	if strings.HasPrefix(path, Reserved) {
		return none
	}
	st, err := t.Stat(path)
	t.must(err)
	return st.Signature
}

func (t *tester) want(path, content string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(t.dir, path))
	if err != nil || string(b) != content {
		t.Errorf("%s holds %q, %v; want %q", path, b, err, content)
	}
}

func (t *tester) wantErr(what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func (t *tester) stage(name, content string) string {
	t.Helper()
	t.write(Reserved+"/staging/"+name, content)
	return name
}

// trash returns what trash holds of path, oldest first.
func (t *tester) trash(path string) string {
	t.Helper()
	found, err := filepath.Glob(t.dir + "/" + Reserved + "/trash/*/" + path)
	t.must(err)
	var all []string
	for _, f := range found {
		b, err := os.ReadFile(f)
		t.must(err)
		all = append(all, string(b))
	}
	return strings.Join(all, " ")
}

func TestPlace(t *testing.T) {
	m := start(t)
	m.must(os.Mkdir(m.dir+"/d", 0o755))
	st, _, err := m.Place(m.stage("1", "one"), "d/f", none)
	m.must(err)
	m.want("d/f", "one")
	st2, _, err := m.Place(m.stage("2", "two"), "d/f", st.Signature)
	m.must(err)
	m.want("d/f", "two")
	if now, err := m.Stat("d/f"); err != nil || now != st2 {
		t.Errorf("placed %+v, there is %+v, %v", st2, now, err)
	}
	_, _, err = m.Place(m.stage("3", "three"), "d/f", st2.Signature)
	m.must(err)
	if got := m.trash("d/f"); got != "one two" && got != "two one" {
		t.Errorf("trash: %s", got)
	}
	_, _, err = m.Place(m.stage("4", "four"), "d/f", st.Signature)
	m.wantErr("over a change", err, step.ErrChanged)
	_, _, err = m.Place("4", "d/f", none)
	m.wantErr("over what should not be there", err, step.ErrChanged)
	_, _, err = m.Place("4", "d/g", st.Signature)
	m.wantErr("over what should be there", err, step.ErrChanged)
	_, _, err = m.Place("4", "nowhere/g", none)
	m.wantErr("in no directory", err, unix.ENOENT)
	m.want("d/f", "three")
	m.want(Reserved+"/staging/4", "four")
}

func TestMoveAndRemove(t *testing.T) {
	m := start(t)
	sig := m.write("a", "a")
	m.write("b", "b")
	_, _, err := m.Move("a", "b", sig)
	m.wantErr("move over a file", err, step.ErrChanged)
	st, _, err := m.Move("a", "c", sig)
	m.must(err)
	_, err = m.Remove("c", sig)
	m.wantErr("remove with the old ctime", err, step.ErrChanged)
	_, err = m.Remove("c", st.Signature)
	m.must(err)
	if got := m.trash("c"); got != "a" {
		t.Errorf("trash: %s", got)
	}
	m.must(os.MkdirAll(m.dir+"/x/y", 0o755))
	x, err := m.Stat("x")
	m.must(err)
	_, err = m.Remove("x", x.Signature)
	m.wantErr("rmdir", err, unix.ENOTEMPTY)
	y, err := m.Stat("x/y")
	m.must(err)
	_, err = m.Remove("x/y", y.Signature)
	m.must(err)
}

func TestAttr(t *testing.T) {
	m := start(t)
	sig := m.write("f", "x")
	m.must(os.Chmod(m.dir+"/f", 0o444))
	st, err := m.Stat("f")
	m.must(err)
	_, _, err = m.Attr("f", sig, step.Attr{})
	m.wantErr("after chmod", err, step.ErrChanged)
	mode, mtime, value := uint32(0o400), int64(-5), "v"
	st, _, err = m.Attr("f", st.Signature, step.Attr{Mode: &mode, MTime: &mtime, XAttrs: map[string]*string{"user.a": &value, "user.b": nil}})
	m.must(err)
	if st.Mode != mode || st.Signature.MTime != mtime {
		t.Errorf("set: %+v", st)
	}
	all, err := m.XAttrs("f")
	if err != nil || fmt.Sprint(all) != "map[user.a:v]" {
		t.Errorf("xattrs: %v, %v", all, err)
	}
	_, _, err = m.Attr("f", st.Signature, step.Attr{XAttrs: map[string]*string{"user.a": nil}})
	m.must(err)
	if all, err := m.XAttrs("f"); err != nil || len(all) != 0 {
		t.Errorf("xattrs: %v, %v", all, err)
	}
}

func TestNothingLeadsOut(t *testing.T) {
	m := start(t)
	outside := t.TempDir()
	m.must(os.WriteFile(outside+"/secret", []byte("s"), 0o644))
	m.must(os.Symlink(outside, m.dir+"/out"))
	m.must(os.Symlink(outside+"/secret", m.dir+"/link"))
	for _, p := range []string{"out/secret", "link"} {
		if f, err := m.Open(p); err == nil {
			f.Close()
			t.Errorf("opened %s", p)
		}
		if b, err := m.Read(p, 0, 10); err == nil {
			t.Errorf("read %q of %s", b, p)
		}
	}
	if _, err := m.Read("out/secret", 0, 10); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("a symlink on the way: %v", err)
	}
	if st, err := m.Stat("out"); err != nil || st.Kind != step.Symlink {
		t.Errorf("symlink: %+v, %v", st, err)
	}
	for _, p := range []string{"..", "../x", "a/../..", "/etc/passwd", "a//b", ".", "a/.", "a\x00b", ".syncfs", ".syncfs/trash"} {
		if _, err := m.Stat(p); err == nil {
			t.Errorf("stat of %q", p)
		}
		if _, _, err := m.Place(m.stage("s", "x"), p, none); err == nil {
			t.Errorf("placed at %q", p)
		}
	}
	all, err := m.List("")
	m.must(err)
	if len(all) != 2 {
		t.Errorf("listed: %v", all)
	}
}

func TestDeepPaths(t *testing.T) {
	m := start(t)
	name := strings.Repeat("n", 250)
	fd, err := open(m.Root(), ".")
	m.must(err)
	path := ""
	for range 40 {
		m.must(unix.Mkdirat(fd, name, 0o755))
		next, err := open(fd, name)
		m.must(err)
		unix.Close(fd)
		fd, path = next, path+name+"/"
	}
	unix.Close(fd)
	st, _, err := m.Place(m.stage("s", "deep"), path+"f", none)
	m.must(err)
	f, err := m.Open(path + "f")
	m.must(err)
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || string(b) != "deep" {
		t.Errorf("deep file: %q, %v", b, err)
	}
	if b, err := m.Read(path+"f", 1, 2); err != nil || string(b) != "ee" {
		t.Errorf("part of the deep file: %q, %v", b, err)
	}
	if b, err := m.Read(path+"f", 3, 2); err != nil || string(b) != "p" {
		t.Errorf("end of the deep file: %q, %v", b, err)
	}
	_, err = m.Remove(path+"f", st.Signature)
	m.must(err)
	if all, err := m.List(strings.TrimSuffix(path, "/")); err != nil || len(all) != 0 {
		t.Errorf("left: %v, %v", all, err)
	}
}

func TestReadOnlyDirectory(t *testing.T) {
	m := start(t)
	m.must(os.Mkdir(m.dir+"/ro", 0o755))
	sig := m.write("ro/f", "old")
	m.must(os.Chmod(m.dir+"/ro", 0o555))
	st, _, err := m.Place(m.stage("s", "new"), "ro/f", sig)
	m.must(err)
	st, _, err = m.Move("ro/f", "ro/g", st.Signature)
	m.must(err)
	_, err = m.Remove("ro/g", st.Signature)
	m.must(err)
	if st, err := m.Stat("ro"); err != nil || st.Mode != 0o555 {
		t.Errorf("the directory: %+v, %v", st, err)
	}
}

func TestDurable(t *testing.T) {
	m := start(t)
	m.must(os.Mkdir(m.Path()+"/d", 0o755))
	m.must(os.WriteFile(m.Path()+"/d/f", nil, 0o600))
	m.must(os.Symlink("f", m.Path()+"/d/l"))
	many := []string{"", "d", "d/f", "d/l", "gone", "d/gone/deep", "d", "d", "d"}
	for _, paths := range [][]string{nil, {""}, {"d", "d/f"}, {"d/l"}, {"gone"}, {"d/gone/deep"}, many} {
		if err := m.Durable(paths); err != nil {
			t.Errorf("%q: %v", paths, err)
		}
	}
}

func TestWhatIsReadHereLeavesNoTrace(t *testing.T) {
	m := start(t)
	m.must(os.Mkdir(m.dir+"/d", 0o755))
	m.write("d/f", "content")
	past := time.Unix(1e9, 0)
	m.must(os.Chtimes(m.dir+"/d/f", past, past))
	m.must(os.Chtimes(m.dir+"/d", past, past))
	file, err := m.Open("d/f")
	m.must(err)
	defer file.Close()
	_, err = io.ReadAll(file)
	m.must(err)
	_, err = m.List("d")
	m.must(err)
	for _, path := range []string{"d/f", "d"} {
		var st unix.Stat_t
		m.must(unix.Stat(filepath.Join(m.dir, path), &st))
		if got := time.Unix(st.Atim.Unix()); !got.Equal(past) {
			t.Errorf("%s was read last at %v, want %v", path, got, past)
		}
	}
}
