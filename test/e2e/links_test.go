package e2e

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Hard links: names of one file are names of one file on every replica.

func (s *station) Link(path, to string) { s.t.Helper(); s.must(os.Link(s.Path(path), s.Path(to))) }

// One wants names to be those of one file, through which all have that text; it has no other name.
func (s *station) One(text string, paths ...string) {
	s.t.Helper()
	var first unix.Stat_t
	for i, p := range paths {
		s.Want(p, text)
		var st unix.Stat_t
		if err := unix.Lstat(s.Path(p), &st); err != nil {
			s.t.Errorf("%s: %v", s.Name, err)
			continue
		}
		if i == 0 {
			first = st
		}
		if st.Ino != first.Ino || int(st.Nlink) != len(paths) {
			s.t.Errorf("%s: %s has inode %d and %d names; want inode %d and the names %q", s.Name, p, st.Ino, st.Nlink, first.Ino, paths)
		}
	}
}

// links is the paths of a tree by the file that they are names of, each as the first of its names; files of one name
// are left out.
func links(t *testing.T, dir string) map[string]string {
	t.Helper()
	first, all := map[uint64]string{}, map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if rel == ".syncfs" {
			return filepath.SkipDir
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		if st.Nlink < 2 {
			return nil
		}
		if first[st.Ino] == "" {
			first[st.Ino] = rel
		}
		all[rel] = fmt.Sprintf("%d names, the first %s", st.Nlink, first[st.Ino])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// wantSameLinks wants stations to be equal, also in what is a name of what.
func wantSameLinks(t *testing.T, all ...*station) map[string]string {
	t.Helper()
	WantEqual(t, all...)
	want := links(t, all[0].Dir)
	for _, s := range all[1:] {
		got := links(t, s.Dir)
		if maps.Equal(want, got) {
			continue
		}
		for p := range want {
			if got[p] != want[p] {
				t.Errorf("%s: %s has %q, on %s %q", s.Name, p, got[p], all[0].Name, want[p])
			}
		}
		t.Errorf("%s: %d files have several names, on %s %d", s.Name, len(got), all[0].Name, len(want))
	}
	return want
}

func TestNamesOfOneFile(t *testing.T) { overBoth(t, testNamesOfOneFile) }

func testNamesOfOneFile(t *testing.T, via transport) {
	s := newCluster(t, via).Mounted("a", "b")
	a, b := s[0], s[1]
	both := func(text string, paths ...string) {
		t.Helper()
		a.Flush()
		b.Flush()
		wantSameLinks(t, a, b)
		a.One(text, paths...)
		b.One(text, paths...)
	}
	a.Write("dir/one", "first")
	a.Mkdir("other")
	b.Flush()
	a.Link("dir/one", "other/two")
	a.Link("other/two", "three")
	a.One("first", "dir/one", "other/two", "three")
	both("first", "dir/one", "other/two", "three")

	// Programs have all of them open and cached there: they see each change whole, by every name.
	b.Append("three", ", more")
	b.One("first, more", "dir/one", "other/two", "three")
	both("first, more", "dir/one", "other/two", "three")
	a.Write("other/two", "second")
	both("second", "dir/one", "other/two", "three")
	a.Chmod("dir/one", 0o600)
	both("second", "dir/one", "other/two", "three")
	b.must(unix.Setxattr(b.Path("three"), "user.of", []byte("all"), 0))
	both("second", "dir/one", "other/two", "three")

	b.Remove("dir/one")
	a.Rename("three", "dir/four")
	both("second", "other/two", "dir/four")
	b.Write("four.tmp", "saved by an editor")
	b.Rename("four.tmp", "dir/four")
	both("saved by an editor", "dir/four")
	a.One("second", "other/two")
	b.One("second", "other/two")

	// Two names again, made while unmounted, by a program that knows nothing.
	b.Umount()
	b.Link("other/two", "five")
	b.Write("five", "while unmounted")
	b.Mount()
	both("while unmounted", "other/two", "five")
	a.Umount()
	a.Mount()
	both("while unmounted", "other/two", "five")
	if p := a.Status().Problems; len(p) > 0 {
		t.Errorf("problems: %v", p)
	}
}

func TestBothWriteToOneFileByTwoNames(t *testing.T) {
	a, b := meet(t,
		func(s *station) { s.Write("report.txt", "draft"); s.Link("report.txt", "copy.txt") },
		func(s *station) { s.Write("report.txt", "of a") },
		func(s *station) { s.Write("copy.txt", "of b") })
	got := wantSameLinks(t, a, b)
	if len(got) != 4 || len(a.Names("")) != 4 {
		t.Errorf("%v, %q", got, a.Names(""))
	}
	texts := map[string]int{}
	for _, n := range a.Names("") {
		texts[a.Read(n)]++
	}
	if texts["of a"] != 2 || texts["of b"] != 2 {
		t.Errorf("%v", texts)
	}
	// Settled by one who keeps what is right.
	for _, n := range b.Names("") {
		if strings.Contains(n, "conflict") {
			b.Remove(n)
		}
	}
	b.Flush()
	a.Flush()
	a.One(a.Read("report.txt"), "report.txt", "copy.txt")
	wantSameLinks(t, a, b)
}

func TestATreeIsCopiedAsLinks(t *testing.T) {
	s := newCluster(t, embedded).Mounted("a", "b", "c")
	a, b, c := s[0], s[1], s[2]
	const n = 1000
	for i := range n {
		a.Write(fmt.Sprintf("src/%d/%d", i%20, i), fmt.Sprint("text ", i))
	}
	a.Sync(b)
	b.Sync(c)
	sent := b.Traffic()
	if r := a.exec("cp", "-al", "src", "snapshot"); r.status != 0 {
		t.Fatal(r.stderr)
	}
	a.Sync(b) // and c from b: a and c do not meet
	b.Sync(c)
	if got := wantSameLinks(t, a, b, c); len(got) != 2*n {
		t.Errorf("%d names of files that have several, want %d", len(got), 2*n)
	}
	t.Logf("%d bytes on the wire for %d links", b.Traffic()-sent, n)
	c.Write("snapshot/7/7", "written on c")
	c.Chmod("src/8/8", 0o600)
	c.RemoveAll("snapshot/9")
	c.Sync(b)
	b.Sync(a)
	wantSameLinks(t, a, b, c)
	a.One("written on c", "src/7/7", "snapshot/7/7")
	a.One("text 9", "src/9/9")
}

func TestALocalCloneSharesItsObjects(t *testing.T) {
	a, b := pair(t)
	git := func(s *station, args ...string) {
		t.Helper()
		args = append([]string{"-c", "user.name=n", "-c", "user.email=e@x", "-c", "safe.directory=*"}, args...)
		if r := s.exec("git", args...); r.status != 0 {
			t.Fatalf("%s: git %q: %s", s.Name, args, r.stderr)
		}
	}
	a.Mkdir("origin")
	git(a, "init", "-q", "origin")
	for i := range 20 {
		a.Write(fmt.Sprintf("origin/file%d", i), strings.Repeat(fmt.Sprint(i), 1000))
	}
	git(a, "-C", "origin", "add", ".")
	git(a, "-C", "origin", "commit", "-qm", "all")
	git(a, "clone", "-q", "--local", "origin", "clone")
	a.Flush()
	b.Flush()
	if got := wantSameLinks(t, a, b); len(got) < 40 {
		t.Errorf("%d names of objects that have several", len(got))
	}
	git(b, "-C", "clone", "fsck", "--full")
	b.Write("clone/file3", "changed on b")
	git(b, "-C", "clone", "commit", "-qam", "b")
	git(b, "-C", "clone", "gc", "-q")
	b.Flush()
	a.Flush()
	wantSameLinks(t, a, b)
	git(a, "-C", "clone", "fsck", "--full")
	git(a, "-C", "origin", "fsck", "--full")
}

func TestFoldersThatHaveLinksMeet(t *testing.T) {
	c := newCluster(t, embedded)
	a, b := c.Station("a"), c.Station("b")
	for _, s := range []*station{a, b} {
		s.Write("x/one", "same")
		s.Link("x/one", "two")
		s.must(unix.Utimes(s.Path("two"), []unix.Timeval{{Sec: 1e9}, {Sec: 1e9}}))
	}
	a.Write("y", "y")
	a.Link("y", "z")
	b.Write("z", "y")
	a.Mount()
	b.Mount()
	c.Link(a, b)
	a.Flush()
	b.Flush()
	wantSameLinks(t, a, b)
	a.One("same", "x/one", "two")
	b.One("same", "x/one", "two")
}

// A file that is not here yet is brought before it gets a further name.
func TestLinkBringsTheFile(t *testing.T) {
	a, b := pair(t)
	text := strings.Repeat("0123456789abcdef", 4<<20)
	a.Write("big", text)
	flushed := make(chan struct{})
	go func() {
		defer close(flushed)
		b.Try("flush", b.Dir)
	}()
	if !until(patience, func() bool { _, err := os.Lstat(b.Path("big")); return err == nil }) {
		t.Fatal("the file was never listed")
	}
	b.Link("big", "name")
	b.One(text, "big", "name")
	<-flushed
	b.Flush()
	a.Flush()
	wantSameLinks(t, a, b)
}
