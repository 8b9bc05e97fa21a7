package tree_test

import (
	"testing"

	"syncfs/journal/item"
	"syncfs/replicate/tree"
)

// found has r take in what a scan finds at first contact.
func (r *replica) found(path, content string) {
	r.w.t.Helper()
	dir, name := split(path)
	up := r.at(dir)
	r.update(func(e *tree.Edit) (err error) {
		if content == "" {
			_, err = e.Adopt(up, name, true, item.Content{}, tree.Meta{item.Mode: "755"})
		} else {
			_, err = e.Adopt(up, name, false, bytes(content), mode)
		}
		return err
	})
}

func TestFoldersFilledApart(t *testing.T) {
	w, a, b := two(t)
	for _, r := range []*replica{a, b} {
		r.found("d", "")
		r.found("d/same", "x1")
		r.found("l", "->t")
	}
	a.found("d/f", "x2")
	b.found("d/f", "x3")
	w.agree("d=", "d/same=x1", "d/f=x3", "d/f (conflict first)=x2", "l=->t")
	if n := len(a.known()); n != 4 {
		t.Fatalf("%d items", n)
	}
}

// The peer's states come before the scan gets there.
func TestFoundAfterAPeerToldOfIt(t *testing.T) {
	w, a, b := two(t)
	for _, p := range []string{"same", "other", "edited", "removed"} {
		a.found(p, "x1")
	}
	a.put("edited", "x2")
	a.rm("removed")
	b.pull(a)
	b.found("same", "x1")
	b.found("other", "x3")
	b.found("edited", "x1")
	b.found("removed", "x1")
	if got := b.tree()["edited"]; got != "x1" {
		t.Fatalf("shown before it is here: %v", b.tree())
	}
	b.check()
	w.settle()
	got := a.tree()
	for p, want := range map[string]string{"same": "x1", "edited": "x2", "removed": "x1"} {
		if got[p] != want {
			t.Errorf("%s is %s, not %s: %v", p, got[p], want, got)
		}
	}
	if got["other"] != "x3" && got["other"] != "x1" || len(got) != 6 {
		t.Errorf("%v", got)
	}
	b.check()
}
