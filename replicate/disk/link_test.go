package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/step"
	"syncfs/replicate/tree"
)

// checkLinks: files on disk are one inode if, and only if, the tree shows them alike in one link group.
func (s *station) checkLinks() {
	s.t.Helper()
	alike := map[journal.Alike]string{}
	inode := map[uint64]string{}
	s.must(s.tree.View(func(v tree.View) error {
		var walk func(dir tree.Node, path string) error
		walk = func(dir tree.Node, path string) error {
			l, err := v.List(dir)
			if err != nil {
				return err
			}
			for _, n := range l {
				p := join(path, n.Name)
				switch {
				case n.Dir:
					if err := walk(n, p); err != nil {
						return err
					}
				case !n.Content.Symlink:
					s.checkLink(n, p, alike, inode)
				}
			}
			return nil
		}
		return walk(v.Root(), "")
	}))
}

func (s *station) checkLink(n tree.Node, path string, alike map[journal.Alike]string, inode map[uint64]string) {
	s.t.Helper()
	st, err := s.fake.Stat(path)
	s.must(err)
	want, grouped := entry(n, key{}).Alike()
	other, shared := inode[st.Signature.Ino]
	inode[st.Signature.Ino] = path
	if !grouped {
		if shared {
			s.t.Errorf("%s: %s and %s are one file on disk, and not in one link group", s.name, path, other)
		}
		return
	}
	twin, linked := alike[want]
	alike[want] = path
	switch {
	case shared && !linked:
		s.t.Errorf("%s: %s and %s are one file on disk, and are not alike", s.name, path, other)
	case linked && (!shared || twin != other):
		s.t.Errorf("%s: %s and %s are alike in one link group, and two files on disk", s.name, path, twin)
	}
}

// one wants names to be those of one file, which has no others.
func (s *station) one(data string, paths ...string) {
	s.t.Helper()
	var ino uint64
	for _, p := range paths {
		s.want(p, data)
		st, err := s.fake.Stat(p)
		s.must(err)
		if st.Nlink != uint64(len(paths)) || ino != 0 && st.Signature.Ino != ino {
			s.t.Fatalf("%s: %s has inode %d and %d names; want inode %d and %d names", s.name, p, st.Signature.Ino, st.Nlink, ino, len(paths))
		}
		ino = st.Signature.Ino
	}
}

func (s *station) inTrash(data string) (n int) {
	_ = filepath.WalkDir(s.path(".syncfs/trash"), func(p string, _ os.DirEntry, _ error) error {
		if b, err := os.ReadFile(p); err == nil && string(b) == data {
			n++
		}
		return nil
	})
	return n
}

func TestNamesOfOneFile(t *testing.T) {
	a, b := pair(t)
	c := newStation(t, "c").begin().settled()
	a.must(a.mkdir("d"))
	a.must(a.write("f", "1"))
	a.settled()
	a.must(a.link("f", "d/g"))
	a.must(a.link("d/g", "h"))
	converge(t, a, b, c)
	for _, s := range []*station{a, b, c} {
		s.one("1", "f", "d/g", "h")
	}

	t.Log("what is written by one name is so by all")
	b.must(b.write("d/g", "22"))
	converge(t, a, b, c)
	for _, s := range []*station{a, b, c} {
		s.one("22", "f", "d/g", "h")
	}
	if n := a.inTrash("1"); n != 1 {
		t.Errorf("the old content is in trash %d times", n)
	}

	t.Log("what is set by one name is so by all")
	a.must(a.chmod("h", 0o600))
	converge(t, a, b, c)
	for _, s := range []*station{a, b, c} {
		s.one("22", "f", "d/g", "h")
		if st, _ := s.fake.Stat("f"); st.Mode != 0o600 {
			t.Errorf("%s: mode %o", s.name, st.Mode)
		}
	}

	t.Log("one name goes, one moves")
	a.must(a.unlink("f"))
	b.must(b.rename("h", "d/i"))
	converge(t, a, b, c)
	for _, s := range []*station{a, b, c} {
		s.one("22", "d/g", "d/i")
	}

	t.Log("an editor saves one of them")
	c.must(c.write("d/tmp", "333"))
	c.must(c.rename("d/tmp", "d/g"))
	converge(t, a, b, c)
	for _, s := range []*station{a, b, c} {
		s.one("333", "d/g")
		s.one("22", "d/i")
	}
}

// A name that was saved with the bytes that it had is a file of its own all the same.
func TestSavedAsItWas(t *testing.T) {
	for _, how := range []string{"rename", "backup"} {
		t.Run(how, func(t *testing.T) {
			a, b := pair(t)
			a.must(a.write("f", "1"))
			a.settled()
			a.must(a.link("f", "g"))
			converge(t, a, b)
			if how == "rename" {
				a.must(a.write("tmp", "1"))
				a.must(a.rename("tmp", "g"))
			} else {
				a.must(a.rename("g", "g~"))
				a.must(a.write("g", "1"))
				a.must(a.unlink("g~"))
			}
			converge(t, a, b)
			for _, s := range []*station{a, b} {
				s.one("1", "f")
				s.one("1", "g")
			}
		})
	}
}

func TestConflictOfNames(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f.txt", "1"))
	a.settled()
	a.must(a.link("f.txt", "g.txt"))
	converge(t, a, b)
	a.must(a.write("f.txt", "of a"))
	b.must(b.write("g.txt", "of b"))
	converge(t, a, b)
	files := a.fake.files()
	if len(files) != 4 {
		t.Fatalf("%v", files)
	}
	for p := range files {
		if st, err := a.fake.Stat(p); err != nil || st.Nlink != 2 {
			t.Errorf("%s: %d names, %v", p, st.Nlink, err)
		}
	}
}

// A name made here while the file is changed there is the older file until it is what the others are again.
func TestLinkedWhileChanged(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "1"))
	converge(t, a, b)
	a.must(a.write("f", "2"))
	b.must(b.link("f", "g"))
	converge(t, a, b)
	for _, s := range []*station{a, b} {
		s.one("2", "f")
		s.one("1", "g")
	}
	b.must(b.write("g", "2"))
	st, err := a.fake.Stat("f")
	a.must(err)
	b.must(setAttr(b.path("g"), mtimeOf(st.Signature.MTime)))
	b.must(b.chmod("g", st.Mode))
	converge(t, a, b)
	for _, s := range []*station{a, b} {
		s.one("2", "f", "g")
	}
}

// Names made on two machines at once are those of one file: the group set later counts.
func TestLinkedOnBoth(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "1"))
	converge(t, a, b)
	a.must(a.link("f", "g"))
	b.must(b.link("f", "h"))
	converge(t, a, b)
	for _, s := range []*station{a, b} {
		s.want("g", "1")
		s.want("h", "1")
	}
}

// Who links a file wants it: it stays, though it was removed elsewhere.
func TestLinkBeatsRemoval(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "1"))
	converge(t, a, b)
	a.must(a.unlink("f"))
	b.must(b.link("f", "g"))
	converge(t, a, b)
	for _, s := range []*station{a, b} {
		s.one("1", "f", "g")
	}
}

func TestFirstContactWithLinks(t *testing.T) {
	a, b := newStation(t, "a"), newStation(t, "b")
	for _, s := range []*station{a, b} {
		s.must(s.mkdir("d"))
		s.must(s.write("d/f", "1"))
		s.must(s.link("d/f", "g"))
		s.must(s.link("d/f", "h"))
		s.must(os.Link(s.path("h"), filepath.Join(s.t.TempDir(), "outside")))
		s.must(setAttr(s.path("h"), mtimeOf(1e9)))
		s.must(s.write("one", "1"))
		s.must(os.Link(s.path("one"), filepath.Join(s.t.TempDir(), "outside")))
		s.begin().settled()
	}
	a.states(b)
	b.states(a)
	var of []item.ID
	for _, s := range []*station{a, b} {
		s.must(s.journal.View(func(tx *journal.Tx) error {
			for _, p := range []string{"d/f", "g", "h", "one"} {
				x, err := s.folder.appliedAt(p)
				if err != nil {
					return err
				}
				of = append(of, x.Group)
			}
			return nil
		}))
	}
	if of[0] == item.Root || of[3] != item.Root {
		t.Errorf("groups %v", of)
	}
	for i := range of {
		if i%4 < 3 && of[i] != of[0] {
			t.Errorf("groups %v", of)
		}
	}
	before, _ := a.fake.Stat("g")
	converge(t, a, b)
	after, _ := a.fake.Stat("g")
	if before != after {
		t.Errorf("%+v has become %+v", before, after)
	}
}

func TestLinksWhileNobodyLooked(t *testing.T) {
	a, b := pair(t)
	for _, p := range []string{"f", "g", "h", "i"} {
		a.must(a.write(p, "of "+p))
	}
	a.settled()
	a.must(a.link("h", "j"))
	a.must(a.link("i", "k"))
	converge(t, a, b)
	a.end()
	a.must(a.link("f", "new"))
	a.must(a.unlink("g"))
	a.must(a.link("f", "g"))
	a.must(a.write("j", "changed"))
	a.must(a.unlink("k"))
	a.must(a.write("k", "of i"))
	a.begin().settled()
	converge(t, a, b)
	for _, s := range []*station{a, b} {
		s.one("of f", "f", "g", "new")
		s.one("changed", "h", "j")
		s.one("of i", "i")
		s.one("of i", "k")
	}
}

// A filesystem that makes no further names keeps files of their own, and says nothing.
func TestNoFurtherNames(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EPERM, syscall.EMLINK} {
		t.Run(errno.Error(), func(t *testing.T) {
			a, b := pair(t)
			tried := 0
			b.fault = func(op, path string, after bool) error {
				if op == "link" {
					tried++
					return &os.PathError{Op: op, Path: path, Err: errno}
				}
				return nil
			}
			a.must(a.write("f", "1"))
			a.settled()
			a.must(a.link("f", "g"))
			b.pull(a)
			b.settled()
			b.one("1", "f")
			b.one("1", "g")
			if l := b.folder.Status().Refused; tried != 1 || len(l) > 0 {
				t.Errorf("tried %d times; refused: %v", tried, l)
			}
			a.must(a.write("f", "2"))
			b.pull(a)
			b.settled()
			b.one("2", "f")
			b.one("2", "g")
		})
	}
}

// Content that many names want is brought once, and is copied for none of them.
func TestManyNames(t *testing.T) {
	a, b := pair(t)
	const n = 1200
	a.must(a.mkdir("d"))
	a.must(a.write("f", "1"))
	a.settled()
	names := []string{"f"}
	for i := range n {
		p := fmt.Sprint("d/", i)
		names = append(names, p)
		a.must(a.link("f", p))
	}
	a.settled()
	places, links := 0, 0
	b.fault = func(op, _ string, after bool) error {
		switch {
		case after && op == "place":
			places++
		case after && op == "link":
			links++
		}
		return nil
	}
	converge(t, a, b)
	b.one("1", names...)
	if links != n || places != n+2 {
		t.Errorf("%d links, %d steps of placing", links, places)
	}
	b.must(b.write("d/7", "22"))
	converge(t, a, b)
	a.one("22", names...)
	b.one("22", names...)
	if n := a.inTrash("1"); n != 1 {
		t.Errorf("the old content is in trash %d times", n)
	}
}

func mtimeOf(t int64) step.Attr { return step.Attr{MTime: &t} }

// A crash after any step of a link leaves what the scan makes whole.
func TestCrashWhileLinking(t *testing.T) {
	for _, op := range []string{"link", "place"} {
		for skip := range 4 {
			t.Run(fmt.Sprint(op, skip), func(t *testing.T) {
				a, b := pair(t)
				a.must(a.write("f", "1"))
				a.must(a.write("other", "1"))
				a.settled()
				a.must(a.link("f", "g"))
				a.must(a.link("f", "h"))
				converge(t, a, b)
				a.must(a.write("g", "22"))
				a.must(a.link("other", "i"))
				b.crashAt(a, op, skip)
				converge(t, a, b)
				for _, s := range []*station{a, b} {
					s.one("22", "f", "g", "h")
					s.one("1", "other", "i")
				}
			})
		}
	}
}

// crashAt has s take what o has, end after a step of that kind, the journal not saying so, and begin again.
func (s *station) crashAt(o *station, op string, skip int) {
	s.t.Helper()
	s.settled()
	left := atomic.Int64{}
	left.Store(int64(skip))
	s.fault = func(did, path string, after bool) error {
		if left.Load() < 0 || after && did == op && left.Add(-1) < 0 {
			return fmt.Errorf("crash at %s of %s: %w", did, path, context.Canceled)
		}
		return nil
	}
	s.tryPull(o)
	s.end()
	s.fault = nil
	s.begin()
}

// What a program has set by a name that is gone before the journal knows is so by the name that is left.
func TestSetByANameThatIsGone(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "1"))
	converge(t, a, b)
	a.must(a.folder.do(a.ctx(), func() error {
		if err := a.chmod("f", 0o755); err != nil {
			return err
		}
		if err := a.link("f", "g"); err != nil {
			return err
		}
		return a.unlink("f")
	}))
	converge(t, a, b)
	if st, err := b.fake.Stat("g"); err != nil || st.Mode&modeBits != 0o755 {
		t.Errorf("g has mode %o, %v", st.Mode, err)
	}
}

// So it is where the journal knew the other name before.
func TestSetByOneNameThatGoes(t *testing.T) {
	for how, goes := range map[string]func(a *station) error{
		"removed":   func(a *station) error { return a.unlink("f") },
		"replaced":  func(a *station) error { return a.rename("other", "f") },
		"moved":     func(a *station) error { return a.rename("f", "h") },
		"exchanged": func(a *station) error { return a.exchange("other", "f") },
	} {
		t.Run(how, func(t *testing.T) {
			a, b := pair(t)
			a.must(a.write("f", "1"))
			a.must(a.link("f", "g"))
			a.must(a.write("other", "2"))
			converge(t, a, b)
			a.must(a.folder.do(a.ctx(), func() error {
				if err := a.chmod("f", 0o755); err != nil {
					return err
				}
				return goes(a)
			}))
			converge(t, a, b)
			if st, err := b.fake.Stat("g"); err != nil || st.Mode&modeBits != 0o755 {
				t.Errorf("g has mode %o, %v", st.Mode, err)
			}
		})
	}
}

// A file that an editor has written anew under its name, and a further name of that, are one file.
func TestLinkOfWhatWasWrittenAnew(t *testing.T) {
	a, b := pair(t)
	for i := range 20 {
		f, g := fmt.Sprint("f", i), fmt.Sprint("a", i)
		a.must(a.write(f, "old"))
		converge(t, a, b)
		a.must(a.folder.do(a.ctx(), func() error {
			return errors.Join(a.rename(f, f+"~"), a.write(f, "new"), a.unlink(f+"~"), a.link(f, g))
		}))
		converge(t, a, b)
		a.one("new", f, g)
		b.one("new", f, g)
	}
}

// A file changes places with a directory in which it has another name.
func TestExchangedWithTheDirectoryOfAnotherName(t *testing.T) {
	a, b := pair(t)
	a.must(a.mkdir("d"))
	a.must(a.write("f", "a file"))
	a.must(a.link("f", "d/g"))
	a.settled()
	a.must(a.folder.do(a.ctx(), func() error { // the mode is looked at when the file has moved
		return errors.Join(a.chmod("f", 0o600), a.exchange("f", "d"))
	}))
	converge(t, a, b)
	a.must(a.exchange("d", "f"))
	converge(t, a, b)
	for _, s := range []*station{a, b} {
		s.want("d/g", "a file")
		s.checkLinks()
	}
}

// Two names of one file that have come to be one node, and are files of their own where nothing could be linked, are one
// file again when it can be.
func TestTwinsApartAreLinked(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("x", "1"))
	a.must(a.link("x", "y"))
	b.names.Lock()
	b.fault = func(op, path string, _ bool) error {
		if op == "link" {
			return &os.PathError{Op: op, Path: path, Err: syscall.EMLINK}
		}
		return nil
	}
	b.names.Unlock()
	converge(t, a, b)
	b.end()
	b.noFault()
	a.must(a.rename("x", "g"))
	b.begin().settled()
	b.must(b.rename("y", "g"))
	b.folder.brake.hold("until all has come")
	b.pull(a)
	b.must(b.folder.do(b.ctx(), func() error {
		b.folder.execution.soon(subject{item.Root, "g"}) // before what is left under the other name
		return nil
	}))
	b.folder.Accept()
	converge(t, a, b)
	b.one("1", "g")
}

// What a step has put in place just before a crash, and a program has linked before the scan has found it, is one file by
// both names.
func TestLinkOfWhatAStepHasPutThere(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "1"))
	b.crashAfter("place", func() error {
		if err := b.takeStates(b.ctx(), a); err != nil {
			return err
		}
		return b.takeContents(b.ctx(), a)
	})
	listed := b.beginUnlisted()
	b.must(b.link("f", "g"))
	b.must(b.folder.await(b.ctx(), func() bool { return b.folder.journaled == b.folder.queue.last() && b.folder.works.settled() == 0 }))
	listed()
	converge(t, a, b)
	a.one("1", "f", "g")
}
