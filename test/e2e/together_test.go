package e2e

import (
	"slices"
	"strings"
	"testing"
)

// What concurrent changes become: each story has two stations that were in step, change something apart,
// and meet again.

// meet brings a and b into step with what before has done on a, lets them change things apart, and brings
// them together; then everything must be equal on both, also after another round.
func meet(t *testing.T, before, onA, onB func(*station)) (a, b *station) {
	t.Helper()
	a, b = pair(t)
	before(a)
	a.Flush()
	onA(a)
	onB(b)
	a.Flush()
	b.Flush()
	WantEqual(t, a, b)
	return a, b
}

func TestAnEditFollowsTheRenameOfItsDirectory(t *testing.T) {
	_, b := meet(t,
		func(s *station) { s.Write("project/src/main.txt", "old\n"); s.Write("project/readme", "r") },
		func(s *station) { s.Rename("project", "syncfs") },
		func(s *station) { s.Write("project/src/main.txt", "edited\n"); s.Write("project/src/new.txt", "new") })
	b.WantNames("", "syncfs")
	b.Want("syncfs/src/main.txt", "edited\n")
	b.Want("syncfs/src/new.txt", "new")
	if n := b.Status().Conflicts; n != 0 {
		t.Errorf("%d conflicts", n)
	}
}

func TestBothMakeTheSameDirectoryName(t *testing.T) {
	_, b := meet(t,
		func(*station) {},
		func(s *station) { s.Write("photos/a.jpg", "a"); s.Write("photos/same/x", "x") },
		func(s *station) { s.Write("photos/b.jpg", "b"); s.Write("photos/same/y", "y") })
	b.WantNames("", "photos")
	b.WantNames("photos", "a.jpg", "b.jpg", "same")
	b.WantNames("photos/same", "x", "y")

	// It is one directory from now on, whatever is done with it.
	b.Rename("photos", "pictures")
	b.Flush()
	b.WantNames("pictures", "a.jpg", "b.jpg", "same")
}

func TestAMoveCycleEndsAsOneTree(t *testing.T) {
	_, b := meet(t,
		func(s *station) { s.Write("x/in x", "1"); s.Write("y/in y", "2") },
		func(s *station) { s.Rename("x", "y/x") },
		func(s *station) { s.Rename("y", "x/y") })
	tree := readTree(t, b.Dir)
	var files []string
	for path, e := range tree {
		if e.mode.IsRegular() {
			files = append(files, path)
		}
	}
	slices.Sort(files)
	if len(tree) != 4 || len(files) != 2 {
		t.Errorf("the tree is %v", tree)
	}
}

func TestDeleteOfATreeAgainstANewFileInsideKeepsTheFile(t *testing.T) {
	_, b := meet(t,
		func(s *station) {
			s.Write("old/deep/one", "1")
			s.Write("old/two", "2")
		},
		func(s *station) { s.RemoveAll("old") },
		func(s *station) { s.Write("old/deep/new", "written in time") })
	b.Want("old/deep/new", "written in time")
	b.WantNames("old", "deep")
	b.WantNames("old/deep", "new")
}

func TestAnEditBeatsADelete(t *testing.T) {
	a, b := meet(t,
		func(s *station) { s.Write("plan", "draft"); s.Write("list", "milk") },
		func(s *station) { s.Remove("plan"); s.Write("list", "milk, eggs") },
		func(s *station) { s.Write("plan", "final"); s.Remove("list") })
	a.Want("plan", "final")
	b.Want("list", "milk, eggs")
}

func TestSameNewNameWithTwoContentsKeepsBothVisibly(t *testing.T) {
	s := newCluster(t, embedded).Mounted("a", "b", "c")
	a, b, c := s[0], s[1], s[2]
	a.Write("todo.txt", "milk")
	b.Write("todo.txt", "eggs")
	a.Sync(b)
	a.Sync(c)
	b.Sync(c)
	WantEqual(t, a, b, c)
	mark := a.Both("", "todo.txt", "milk", "eggs")
	if !strings.Contains(mark, " a).txt") && !strings.Contains(mark, " b).txt") {
		t.Errorf("the copy is named %q: where is the replica?", mark)
	}
	for _, x := range s {
		if got := x.Conflicts(); !slices.Equal(got, []string{mark}) {
			t.Errorf("%s: conflicts are %q, want %q", x.Name, got, mark)
		}
	}

	// A user settles it: the copy goes, everywhere.
	c.Remove(mark)
	c.Flush()
	WantEqual(t, a, b, c)
	a.WantNames("", "todo.txt")
	if got := a.Conflicts(); len(got) != 0 {
		t.Errorf("conflicts that were settled: %q", got)
	}
}

func TestSameNewNameWithOneContentIsOneFile(t *testing.T) {
	a, b := meet(t,
		func(*station) {},
		func(s *station) { s.Write("go.mod", "module x\n") },
		func(s *station) { s.Write("go.mod", "module x\n") })
	a.WantNames("", "go.mod")
	if n := b.Status().Conflicts; n != 0 {
		t.Errorf("%d conflicts", n)
	}
	b.Remove("go.mod")
	b.Flush()
	a.WantNames("")
}

func TestTextEditedOnBothSidesKeepsBoth(t *testing.T) {
	a, b := meet(t,
		func(s *station) { s.Write("notes/diary.md", "monday\n") },
		func(s *station) { s.Append("notes/diary.md", "on a\n") },
		func(s *station) { s.Append("notes/diary.md", "on b\n") })
	if m, n := a.Both("notes", "diary.md", "monday\non a\n", "monday\non b\n"), b.Conflicts(); !slices.Equal(n, []string{"notes/" + m}) {
		t.Errorf("the copy is %q, the conflicts %q", m, n)
	}
}

func TestFileAgainstDirectoryOfOneNameKeepsBoth(t *testing.T) {
	a, _ := meet(t,
		func(*station) {},
		func(s *station) { s.Write("data", "a file") },
		func(s *station) { s.Write("data/inside", "a directory") })
	a.Want("data/inside", "a directory")
	if names := a.Names(""); len(names) != 2 {
		t.Errorf("names are %q", names)
	}
}
