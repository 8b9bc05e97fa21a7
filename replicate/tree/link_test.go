package tree_test

import (
	"testing"

	"syncfs/journal/item"
	"syncfs/replicate/tree"
)

func group(r *replica, path string) item.ID {
	r.w.t.Helper()
	return r.at(path).Group()
}

// Who links a file has changed it: that a delete which had not seen it does not take it, and no other name.
func TestLinkIsAChangeOfTheFile(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "x1")
	w.settle()
	a.link("f", "g")
	b.rm("f")
	w.agree("f=x1", "g=x1")
	if g := group(a, "f"); g == item.Root || group(b, "g") != g {
		t.Errorf("groups %v and %v", g, group(b, "g"))
	}
}

// Of two links made apart the later has its way with the first name; the other new name is left in a group of its own.
func TestTheLatestLinkCounts(t *testing.T) {
	w, a, b := two(t)
	a.put("f", "x1")
	w.settle()
	a.link("f", "g")
	b.link("f", "h")
	w.agree("f=x1", "g=x1", "h=x1")
	if group(a, "f") != group(a, "h") || group(a, "g") == group(a, "h") || group(a, "g") == item.Root {
		t.Errorf("groups of f %v, g %v, h %v", group(a, "f"), group(a, "g"), group(a, "h"))
	}
}

// A file that is saved is another: it is in no group, or in that of what it was moved from.
func TestASavedFileLeavesTheGroup(t *testing.T) {
	for name, save := range map[string]func(*replica){
		"by rename":  func(r *replica) { r.put("tmp", "x2"); r.mv("tmp", "g") },
		"by backup":  func(r *replica) { r.mv("g", "g~"); r.put("g", "x2"); r.rm("g~") },
		"by removal": func(r *replica) { r.rm("g"); r.put("g", "x2") },
	} {
		t.Run(name, func(t *testing.T) {
			w, a, b := two(t)
			a.put("f", "x1")
			a.link("f", "g")
			w.settle()
			save(b)
			w.agree("f=x1", "g=x2")
			if group(a, "f") == item.Root || group(a, "g") != item.Root {
				t.Errorf("groups of f %v, g %v", group(a, "f"), group(a, "g"))
			}
		})
	}
}

// What two folders had in common before they met is one group, and gives way to what users did.
func TestFoundGroups(t *testing.T) {
	w, a, b := two(t)
	for _, r := range w.replicas {
		r.found("f", "x1")
		r.found("g", "x1")
	}
	b.link("f", "h")
	for _, r := range w.replicas {
		id := item.FoundGroup(item.Found(item.Root, "f", false))
		for _, p := range []string{"f", "g"} {
			n := r.at(p)
			r.update(func(e *tree.Edit) error { return e.AdoptGroup(n.IDs[0], id) })
		}
	}
	found := group(a, "f")
	w.agree("f=x1", "g=x1", "h=x1")
	if found != group(a, "g") || group(b, "g") != found {
		t.Errorf("groups of g %v and %v, found %v", group(a, "g"), group(b, "g"), found)
	}
	if group(a, "f") == found || group(a, "f") != group(a, "h") {
		t.Errorf("groups of f %v, h %v, found %v", group(a, "f"), group(a, "h"), found)
	}
}
