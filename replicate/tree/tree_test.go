package tree_test

import (
	"testing"
	"time"

	"syncfs/journal/item"
)

func TestCycleOfTwo(t *testing.T) {
	w, a, b := two(t)
	a.mkdir("p")
	a.mkdir("p/a")
	a.mkdir("p/b")
	a.put("p/a/f", "x1")
	w.settle()
	a.mv("p/a", "p/b/c")
	b.mv("p/b", "p/a/d") // the later: undone to where it came from
	w.agree("p=", "p/d=", "p/d/c=", "p/d/c/f=x1")
}

func TestCycleOfThreeAndADelete(t *testing.T) {
	w, l := newWorld(t, "A", "B", "C")
	a, b, c := l[0], l[1], l[2]
	for i, d := range []string{"a", "b", "c"} {
		a.mkdir(d)
		a.put(d+"/f", []string{"x1", "x2", "x3"}[i])
	}
	w.settle()
	a.mv("a", "b/a")
	b.mv("b", "c/b")
	c.mv("c", "a/c")
	a.rm("c/f")
	a.rm("c")
	w.agree("c=", "c/b=", "c/b/f=x2", "c/b/a=", "c/b/a/f=x1")
}

// A move out of a cycle ends it everywhere.
func TestCycleIsBroken(t *testing.T) {
	w, a, b := two(t)
	a.mkdir("p")
	a.mkdir("q")
	w.settle()
	a.mv("p", "q/p")
	b.mv("q", "p/q")
	w.agree("q=", "q/p=")
	a.mv("q/p", "r")
	w.agree("q=", "r=")
}

func TestEditBeatsDelete(t *testing.T) {
	w, a, b := two(t)
	a.mkdir("d")
	a.put("d/f", "x1")
	a.put("d/g", "x2")
	w.settle()
	a.rm("d/f")
	a.rm("d/g")
	a.rm("d")
	b.put("d/f", "x3")
	w.agree("d=", "d/f=x3")
	// The directory shows for what is in it alone, and goes with it.
	b.mv("d/f", "f")
	b.rm("d")
	w.agree("f=x3")
}

func TestRenameBeatsDelete(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "x1")
	w.settle()
	a.rm("f")
	b.mv("f", "g")
	w.agree("g=x1")
}

func TestRenameMeetsEdit(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "x1")
	w.settle()
	a.put("f", "x2")
	b.mv("f", "g")
	w.agree("g=x2")
}

func TestEditInARenamedDirectory(t *testing.T) {
	w, a, b := two(t)
	a.mkdir("d")
	a.put("d/f", "x1")
	w.settle()
	a.mv("d", "e")
	b.put("d/f", "x2")
	b.put("d/g", "x3")
	w.agree("e=", "e/f=x2", "e/g=x3")
}

// Both make a directory of one name: it is one, also what is in it; and it is two again when one moves.
func TestDirectoriesOfOneName(t *testing.T) {
	w, a, b := two(t)
	for i, r := range []*replica{a, b} {
		r.mkdir("d")
		r.mkdir("d/s")
		r.put("d/s/"+r.name, []string{"x1", "x2"}[i])
	}
	w.agree("d=", "d/s=", "d/s/A=x1", "d/s/B=x2")
	a.put("d/s/C", "x3")
	a.mv("d/s", "d/t")
	w.agree("d=", "d/t=", "d/t/A=x1", "d/t/B=x2", "d/t/C=x3")
	a.rm("d/t/A")
	a.rm("d/t/B")
	a.rm("d/t/C")
	a.rm("d/t")
	a.rm("d")
	w.agree()
}

func TestMergedDirectoriesPart(t *testing.T) {
	w, l := newWorld(t, "A", "B", "C")
	a, b, c := l[0], l[1], l[2]
	a.mkdir("d")
	a.mkdir("d/s")
	a.put("d/s/f", "x1")
	c.pull(a)
	b.mkdir("d")
	b.mkdir("d/s")
	b.put("d/s/g", "x2")
	a.pull(b)
	a.shows("d=", "d/s=", "d/s/f=x1", "d/s/g=x2")
	c.fetch()
	c.mv("d", "e") // C knows of one of them only
	w.agree("d=", "d/s=", "d/s/g=x2", "e=", "e/s=", "e/s/f=x1")
}

func TestSameNewNameKeepsBoth(t *testing.T) {
	w, a, b := two(t)
	a.put("f.txt", "x1")
	b.put("f.txt", "x2")
	w.agree("f.txt=x1", "f (conflict 1970-01-01 00.00.03 B).txt=x2")
	// An operation on one is on that alone.
	a.rm("f.txt")
	w.agree("f (conflict 1970-01-01 00.00.03 B).txt=x2")
}

func TestBothEdit(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "x0")
	w.settle()
	a.put("f", "x1")
	b.put("f", "x2")
	w.settle()
	a.check()
	b.check()
	if got := len(a.tree()); got != 2 {
		t.Fatalf("%d files: %v", got, a.tree())
	}
}

// Two replicas write the same repair down, one then removes the copy.
func TestCopyRemovedOnceIsRemoved(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "x1")
	w.settle()
	b.put("f", "x2")
	a.put("f", "x3")
	w.settle()
	a.mv("f", "g") // writes the family down at A
	b.set("f", item.Mode, "700")
	for p := range a.tree() {
		if p != "g" {
			a.rm(p)
		}
	}
	w.agree("g=x3")
}

func TestTwinsAreOneFile(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "same")
	b.put("f", "same")
	w.agree("f=same")
	a.put("f", "x1")
	w.agree("f=x1")
}

func TestEditorsKeepTheItem(t *testing.T) {
	saves := map[string]func(r *replica){
		"temporary file renamed over":     func(r *replica) { r.put("tmp", "x2"); r.mv("tmp", "f") },
		"removed and created":             func(r *replica) { r.rm("f"); r.put("f", "x2") },
		"old away, new, old removed":      func(r *replica) { r.mv("f", "f~"); r.put("f", "x2"); r.rm("f~") },
		"temporary file, content to come": func(r *replica) { r.create("tmp"); r.mv("tmp", "f"); r.put("f", "x2") },
		"created, content to come":        func(r *replica) { r.rm("f"); r.create("f"); r.put("f", "x2") },
		"old away, content to come": func(r *replica) {
			r.mv("f", "f~")
			r.create("f")
			r.rm("f~")
			r.put("f", "x2")
		},
	}
	for name, save := range saves {
		t.Run(name, func(t *testing.T) {
			w, a, b := two(t)
			a.put("f", "x1")
			w.settle()
			save(a)
			b.mv("f", "g") // meets the edit in one item
			w.agree("g=x2")
			if known := a.known(); len(known) != 1 {
				t.Fatalf("%d items: %v", len(known), known)
			}
		})
	}
}

func TestHeldFilesStay(t *testing.T) {
	w, a, b := two(t)
	a.create("f")
	a.put("g", "x1")
	b.pull(a)
	b.shows("g=x1")
	a.put("f", "x2")
	w.agree("f=x2", "g=x1")
}

func TestWhatNeverLeftLeavesNoTrace(t *testing.T) {
	_, a, _ := two(t)
	a.mkdir("d")
	a.put("d/f", "x1")
	a.create("d/g")
	a.rm("d/f")
	a.rm("d/g")
	a.rm("d")
	a.shows()
	if known := a.known(); len(known) != 0 {
		t.Fatalf("left: %v", known)
	}
}

// While the content of a newer state is on its way the older state is shown, whole; what is done to it
// supersedes that state only.
func TestContentOnItsWay(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "x1")
	w.settle()
	a.put("f", "x2")
	a.mv("f", "g")
	b.pull(a)
	b.shows("f=x1")
	b.rm("f")
	b.shows()
	w.agree("g=x2")
}

func TestSameBytesAreNoEdit(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "x1")
	w.settle()
	a.put("f", "x2")
	b.put("f", "x1")
	w.agree("f=x2")
}

func TestMTimeIsTheLatestSet(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "x1")
	w.settle()
	a.set("f", item.MTime, "100")
	w.settle()
	b.set("f", item.MTime, "50")
	w.settle()
	if got := a.at("f").Meta[item.MTime]; got != "50" {
		t.Fatalf("mtime %s", got)
	}
	b.put("f", "x2")
	w.settle()
	if got := a.at("f").Meta[item.MTime]; got != "7" {
		t.Fatalf("mtime %s, not that of the content", got)
	}
}

func TestRestartGoesOn(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "x1")
	a.start()
	w.clock = time.Second // and its clock was set back
	a.put("f", "x2")
	a.mkdir("d")
	w.agree("f=x2", "d=")
	b.put("f", "x3")
	w.agree("f=x3", "d=")
}
