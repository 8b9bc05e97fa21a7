package fusefs

import (
	"context"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"syncfs/journal/change"
	"syncfs/journal/signature"
	"syncfs/journal/step"
)

// further places a further name of a file, over what is there.
func (t *tester) further(from, to string) {
	t.Helper()
	var old signature.Signature
	if st, err := t.Stat(to); err == nil {
		old = st.Signature
	}
	t.must(t.Link(from, "linked", t.signature(from)))
	_, _, err := t.Place("linked", to, old)
	t.must(err)
}

// one wants names to be those of one file, which has no others, as programs see it.
func (t *tester) one(content string, names ...string) {
	t.Helper()
	var first unix.Stat_t
	for i, n := range names {
		t.want(n, content)
		var st unix.Stat_t
		t.must(unix.Lstat(t.path(n), &st))
		if i == 0 {
			first = st
		}
		if int(st.Nlink) != len(names) || st.Ino != first.Ino {
			t.Errorf("%s: inode %d with %d names, want %d with %d", n, st.Ino, st.Nlink, first.Ino, len(names))
		}
	}
}

func TestFurtherNamesAreSeenAtOnce(t *testing.T) {
	m := start(t)
	m.must(os.MkdirAll(m.path("d/unseen"), 0o755))
	m.write("f", "one")
	m.write("d/h", "one")
	m.one("one", "f")
	if _, err := os.Stat(m.path("d/g")); err == nil {
		t.Fatal("d/g is there")
	}
	m.rec.waitSettled(t, "f")
	m.rec.waitSettled(t, "d/h")
	m.rec.take()

	m.further("f", "d/g")
	m.one("one", "f", "d/g")
	m.further("d/g", "d/h")
	m.one("one", "f", "d/g", "d/h")
	m.further("f", "d/unseen/i")
	m.one("one", "f", "d/g", "d/h", "d/unseen/i")
	if all := m.rec.take(); len(all) != 0 {
		t.Errorf("steps were recorded: %s", show(all))
	}
	if l := m.trashed("d/h"); len(l) != 1 {
		t.Errorf("trash has %q of the file that was replaced", l)
	}

	// Pages and attributes are the same, by whatever name.
	file, err := os.OpenFile(m.path("d/h"), os.O_WRONLY|os.O_APPEND, 0)
	m.must(err)
	_, err = file.WriteString(", more")
	m.must(err)
	if err := m.Link("f", "busy", m.signature("f")); !errors.Is(err, step.ErrBusy) {
		t.Errorf("linked while it is written: %v", err)
	}
	m.must(file.Close())
	m.one("one, more", "f", "d/g", "d/h", "d/unseen/i")
	m.rec.wait(t, "settled", func(c change.Change) bool { return c.Kind == change.Settled })
	mode := uint32(0o600)
	_, _, err = m.Attr("d/h", m.signature("d/h"), step.Attr{Mode: &mode})
	m.must(err)
	if st, err := os.Stat(m.path("f")); err != nil || st.Mode() != 0o600 {
		t.Errorf("mode by another name: %v, %v", st, err)
	}
	_, _, err = m.Attr("d/h", signature.Signature{}, step.Attr{Mode: &mode})
	if !errors.Is(err, step.ErrChanged) {
		t.Errorf("attributes of a change: %v", err)
	}

	// One name goes, and one is replaced: the file is in trash with its last name alone.
	_, err = m.Remove("d/g", m.signature("d/g"))
	m.must(err)
	m.one("one, more", "f", "d/h", "d/unseen/i")
	m.place("f", "another")
	m.one("another", "f")
	m.one("one, more", "d/h", "d/unseen/i")
	if n := len(m.trashed("d/g")) + len(m.trashed("f")); n != 0 {
		t.Errorf("%d in trash of a file that has other names", n)
	}
	_, err = m.Remove("d/h", m.signature("d/h"))
	m.must(err)
	_, err = m.Remove("d/unseen/i", m.signature("d/unseen/i"))
	m.must(err)
	if l := m.trashed("d/unseen/i"); len(l) != 1 || l[0] != "one, more" {
		t.Errorf("trash has %q", l)
	}
}

func TestNoFurtherName(t *testing.T) {
	m := start(t)
	m.write("f", "one")
	m.must(os.Mkdir(m.path("d"), 0o755))
	m.rec.waitSettled(t, "f")
	was := m.signature("f")
	m.rec.take()
	m.write("f", "two")
	m.rec.waitSettled(t, "f")
	for what, err := range map[string]error{
		"of a change":      m.Link("f", "s", was),
		"of what is gone":  m.Link("gone", "s", was),
		"of what is taken": m.Link("f", m.stage("s", "x"), m.signature("f")),
		"of a directory":   m.Link("d", "s2", m.signature("d")),
	} {
		if err == nil {
			t.Errorf("a name %s", what)
		}
	}
	// A name that is that of the file already is left alone.
	m.further("f", "g")
	m.one("two", "f", "g")
	m.must(m.Link("f", "again", m.signature("f")))
	if _, _, err := m.Place("again", "g", m.signature("g")); !errors.Is(err, step.ErrChanged) {
		t.Errorf("placed over itself: %v", err)
	}
	m.must(os.Remove(m.under + "/.syncfs/staging/again"))
	m.one("two", "f", "g")
}

// An absent file comes as a further name of one that is here: who has waited for it gets that.
func TestAbsentFileComesAsFurtherName(t *testing.T) {
	m, a := startAbsent(t, map[string]string{"d/g": "one"})
	m.must(os.Mkdir(m.path("d"), 0o755))
	m.write("f", "one")
	m.one("one", "f")
	m.rec.waitSettled(t, "f")
	if st, err := os.Stat(m.path("d/g")); err != nil || st.Size() != 3 {
		t.Fatalf("absent: %v, %v", st, err)
	}
	a.setFetch(func(_ context.Context, path, _ string) error {
		m.further("f", path)
		a.mu.Lock()
		delete(a.files, path)
		a.mu.Unlock()
		return nil
	})
	m.want("d/g", "one")
	m.one("one", "f", "d/g")
	m.write("f", "written")
	m.one("written", "f", "d/g")
}

// link(2) brings what is not here.
func TestLinkOfAnAbsentFile(t *testing.T) {
	m, _ := startAbsent(t, map[string]string{"d/g": "one"})
	m.must(os.Mkdir(m.path("d"), 0o755))
	m.must(os.Link(m.path("d/g"), m.path("h")))
	m.one("one", "d/g", "h")
	m.rec.wait(t, "link", func(c change.Change) bool { return c.Kind == change.Link && c.Path == "d/g" && c.To == "h" })
}
