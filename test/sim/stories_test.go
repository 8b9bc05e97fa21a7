package sim

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"syncfs/journal/item"
)

// story makes a world of so many replicas, called A, B, ….
func story(t *testing.T, replicas int) (*World, []*Replica) {
	w := newWorld(Setup{Seed: 1})
	t.Cleanup(w.close)
	for i := range replicas {
		w.join(string(rune('A'+i)), 0)
	}
	return w, w.replicas
}

// later lets time pass, so that what comes is the later.
func (w *World) later() { w.clock += time.Minute }

// expect has all replicas meet, and holds what they agree on against "path=content" lines.
func expect(t *testing.T, w *World, want ...string) {
	t.Helper()
	w.finish()
	var got []string
	tree := w.look(w.replicas[0]).tree
	for _, p := range slices.Sorted(maps.Keys(tree)) {
		got = append(got, p+"="+tree[p].Content)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestEditBeatsDelete(t *testing.T) {
	w, r := story(t, 2)
	a, b := r[0], r[1]
	w.mkdir(a, "/d")
	w.put(a, "/d/f", "x1")
	w.put(a, "/d/g", "x2")
	w.session(a, b)
	w.rmAll(a, "/d")
	w.put(b, "/d/f", "x3")
	expect(t, w, "/d=", "/d/f=x3")
}

func TestRenameBeatsDelete(t *testing.T) {
	w, r := story(t, 2)
	a, b := r[0], r[1]
	w.put(a, "/f", "x1")
	w.session(a, b)
	w.rm(a, "/f")
	w.mv(b, "/f", "/g")
	expect(t, w, "/g=x1")
}

func TestRenameMeetsEdit(t *testing.T) {
	w, r := story(t, 2)
	a, b := r[0], r[1]
	w.put(a, "/f", "x1")
	w.session(a, b)
	w.put(a, "/f", "x2")
	w.mv(b, "/f", "/g")
	expect(t, w, "/g=x2")
}

func TestEditMeetsEdit(t *testing.T) {
	w, r := story(t, 2)
	a, b := r[0], r[1]
	w.put(a, "/f.txt", "x1")
	w.session(a, b)
	w.later()
	w.put(a, "/f.txt", "x2")
	w.later()
	w.put(b, "/f.txt", "x3")
	expect(t, w, "/f (conflict 1970-01-01 00.01.00 A).txt=x2", "/f.txt=x3")
}

func TestDirectoriesOfOneNameAreOne(t *testing.T) {
	w, r := story(t, 2)
	a, b := r[0], r[1]
	w.mkdir(a, "/d")
	w.put(a, "/d/f", "x1")
	w.mkdir(b, "/d")
	w.put(b, "/d/g", "x2")
	w.session(a, b)
	w.mv(a, "/d", "/e")
	expect(t, w, "/e=", "/e/f=x1", "/e/g=x2")
}

func TestCycleOfTwo(t *testing.T) {
	w, r := story(t, 2)
	a, b := r[0], r[1]
	w.mkdir(a, "/p")
	w.mkdir(a, "/p/a")
	w.mkdir(a, "/p/b")
	w.put(a, "/p/a/f", "x1")
	w.session(a, b)
	w.mv(a, "/p/a", "/p/b/c")
	w.later()
	w.mv(b, "/p/b", "/p/a/d") // the later: undone to where it came from
	expect(t, w, "/p=", "/p/d=", "/p/d/c=", "/p/d/c/f=x1")
}

func TestCycleOfThreeAndADelete(t *testing.T) {
	w, r := story(t, 3)
	a, b, c := r[0], r[1], r[2]
	for _, d := range []string{"/a", "/b", "/c"} {
		w.mkdir(a, d)
		w.put(a, d+"/f", w.fresh())
	}
	w.session(a, b)
	w.session(a, c)
	w.mv(a, "/a", "/b/a")
	w.mv(b, "/b", "/c/b")
	w.later()
	w.mv(c, "/c", "/a/c")
	w.rmAll(a, "/c")
	expect(t, w, "/c=", "/c/b=", "/c/b/a=", "/c/b/a/f=x1", "/c/b/f=x2")
}

// Two replicas write the same repair down; one then removes the copy.
func TestCopyRemovedOnceIsRemoved(t *testing.T) {
	w, r := story(t, 2)
	a, b := r[0], r[1]
	w.put(a, "/f", "x1")
	w.session(a, b)
	w.put(b, "/f", "x2")
	w.later()
	w.put(a, "/f", "x3")
	w.session(a, b)
	w.fetch(a, 0)
	w.fetch(b, 0)
	w.mv(a, "/f", "/g") // writes the family down at A
	w.set(b, "/f", item.Mode, "700")
	for _, e := range w.look(a).files() {
		if strings.Contains(e.Name, "conflict") {
			w.rm(a, e.path)
		}
	}
	expect(t, w, "/g=x3")
}

func TestEditorsKeepTheItem(t *testing.T) {
	for name, save := range map[string]func(*World, *Replica){
		"temporary file":         func(w *World, r *Replica) { w.put(r, "/tmp", "x2"); w.mv(r, "/tmp", "/f") },
		"removed, written anew":  func(w *World, r *Replica) { w.rm(r, "/f"); w.put(r, "/f", "x2") },
		"backup, removed":        func(w *World, r *Replica) { w.mv(r, "/f", "/f~"); w.put(r, "/f", "x2"); w.rm(r, "/f~") },
		"temporary file, unread": func(w *World, r *Replica) { w.saveSlowlyByRename(r, "/f") },
		"backup, unread":         func(w *World, r *Replica) { w.mv(r, "/f", "/f~"); w.saveSlowlyByBackup(r, "/f") },
	} {
		t.Run(name, func(t *testing.T) {
			w, r := story(t, 2)
			a, b := r[0], r[1]
			w.put(a, "/f", w.fresh())
			w.session(a, b)
			save(w, a)
			w.later()
			w.mv(b, "/f", "/g") // meets the edit in one item
			expect(t, w, "/g=x2")
			if n := len(w.look(a).known); n != 1 {
				t.Errorf("%d items", n)
			}
		})
	}
}

// While the content of a newer state is on its way the older state is shown, whole; what is done to it
// supersedes that state only.
func TestContentOnItsWay(t *testing.T) {
	w, r := story(t, 2)
	a, b := r[0], r[1]
	w.put(a, "/f", "x1")
	w.session(a, b)
	w.fetch(b, 0)
	w.put(a, "/f", "x2")
	w.mv(a, "/f", "/g")
	w.session(a, b)
	if s := w.look(b).tree["/f"]; s.Content != "x1" {
		t.Fatal(w.look(b).tree)
	}
	w.rm(b, "/f")
	if len(w.look(b).tree) != 0 {
		t.Fatal(w.look(b).tree)
	}
	expect(t, w, "/g=x2")
}

// A copy that is written down from an older state, and is known to be removed, is gone with that state.
func TestCopyOfAnOlderStateGoesWithIt(t *testing.T) {
	w, r := story(t, 3)
	a, b, c := r[0], r[1], r[2]
	w.put(c, "/f", "x1")
	w.session(c, a)
	w.session(c, b)
	w.meet()
	w.put(a, "/f", "x2")
	w.later()
	w.put(b, "/f", "x3")
	w.session(a, b)
	w.session(a, c)
	w.put(a, "/f", "x4") // over the older x2: that of x3 is on its way
	w.fetch(c, 0)
	w.session(a, c) // shows x3 and its copy x2; x4 is on its way
	w.rm(c, "/f")
	if n := len(w.look(c).files()); n != 1 {
		t.Fatalf("the copy x2 is to stay: %v", w.look(c).tree)
	}
	expect(t, w, "/f=x4")
}
