package disk

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate/session"
	"syncfs/replicate/tree"
)

// station is one replica in one process: a fake disk, an in-memory journal, a Folder that serves them.
type station struct {
	t    testing.TB
	name string
	*fake
	journal *journal.Journal
	tree    *tree.Tree
	folder  *Folder
	stop    context.CancelFunc
	ended   chan error
}

var many = flag.Int("many", 0, "how many files TestManyFiles makes")

const patience = 60 * time.Second

func newStation(t testing.TB, nm string) *station {
	t.Helper()
	j, err := journal.Open(journal.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	s := &station{t: t, name: nm, fake: newFake(t.TempDir()), journal: j}
	s.log = func(format string, args ...any) { t.Logf(nm+": "+format, args...) }
	t.Cleanup(func() {
		s.end()
		j.Close()
	})
	return s
}

// begin starts the daemon.
func (s *station) begin() *station {
	s.t.Helper()
	tr, err := tree.New(s.journal, tree.Options{Name: s.name, Now: func() int64 { return time.Now().UnixNano() }, Rand: rand.Reader})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := tr.Recover(); err != nil {
		s.t.Fatal(err)
	}
	state, err := os.OpenRoot(filepath.Join(s.root, ".syncfs"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.tree = tr
	if s.folder, err = New(Options{Journal: s.journal, Tree: tr, Disk: s.fake, State: state}); err != nil {
		s.t.Fatal(err)
	}
	s.log("begin")
	s.names.Lock()
	s.record = s.folder.Record
	s.absent = func(path string) bool {
		_, ok := s.folder.AbsentFile(path)
		return ok
	}
	s.order.Store(0)
	s.names.Unlock()
	var ctx context.Context
	ctx, s.stop = context.WithCancel(context.Background())
	s.ended = make(chan error, 1)
	go func() {
		s.ended <- s.folder.Run(ctx)
		state.Close()
	}()
	return s
}

// end stops the daemon; what programs do now is seen by nobody.
func (s *station) end() {
	if s.stop == nil {
		return
	}
	s.names.Lock()
	s.record, s.absent = nil, nil
	s.names.Unlock()
	s.log("end")
	s.stop()
	if err := <-s.ended; err != nil {
		s.t.Errorf("%s: %v", s.name, err)
	}
	s.stop = nil
}

func (s *station) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.t.Cleanup(cancel)
	return ctx
}

func (s *station) must(err error) {
	s.t.Helper()
	if errors.Is(err, context.DeadlineExceeded) {
		s.explain()
	}
	if err != nil {
		s.t.Fatalf("%s: %v", s.name, err)
	}
}

func (s *station) settled() *station {
	s.t.Helper()
	if err := s.folder.WaitSettled(s.ctx()); err != nil {
		s.explain()
		s.t.Fatalf("%s: does not settle: %v; %+v", s.name, err, s.folder.Status())
	}
	if err := s.folder.Settle(s.ctx()); err != nil {
		s.explain()
		s.t.Fatalf("%s: steps are not made: %v; %+v", s.name, err, s.folder.Status())
	}
	return s
}

// pull has s take what o has: one session, one way, with the contents wanted.
func (s *station) pull(o *station) {
	s.t.Helper()
	s.states(o)
	s.fetch(o)
}

func (s *station) states(o *station) {
	s.t.Helper()
	s.log("takes states of %s", o.name)
	s.must(s.takeStates(s.ctx(), o))
}

// fetch brings contents that are wanted from o, where it has them.
func (s *station) fetch(o *station) {
	s.t.Helper()
	s.must(s.takeContents(s.ctx(), o))
}

func (s *station) takeStates(ctx context.Context, o *station) error {
	have, err := s.folder.Begin(ctx)
	if err != nil {
		return err
	}
	if _, err = o.folder.Begin(ctx); err != nil {
		return err
	}
	var knowledge version.Vector
	var l []*item.Item
	err = o.folder.Offer(ctx, have, func(v version.Vector) error { knowledge = v; return nil }, func(it *item.Item) error {
		b, err := it.MarshalBinary()
		if err != nil {
			return err
		}
		n, err := item.Unmarshal(b)
		l = append(l, n)
		return err
	})
	if err != nil {
		return err
	}
	return s.folder.Join(ctx, func(yield func(*item.Item, error) bool) {
		for _, it := range l {
			if !yield(it, nil) {
				return
			}
		}
	}, knowledge, func() {})
}

func (s *station) takeContents(ctx context.Context, o *station) error {
	for w, err := range s.folder.Wanted(ctx, func(item.Hash) bool { return false }, true) {
		if err != nil {
			return err
		}
		if err := s.bring(ctx, o, w); err != nil {
			return err
		}
	}
	return s.folder.Settle(ctx)
}

func (s *station) bring(ctx context.Context, o *station, w session.Want) error {
	l, err := o.folder.List(ctx, w.Root)
	if err != nil {
		s.log("%v from %s: %v", w.Root, o.name, err)
		return nil // not to be had there
	}
	st, err := s.folder.Stage(ctx, w)
	if err != nil {
		return err
	}
	defer st.Close()
	for offset, c := range l.All() {
		b, err := o.folder.ReadChunk(ctx, c.Hash)
		if err != nil {
			s.log("%v from %s: %v", w.Root, o.name, err)
			return nil
		}
		if _, err = st.WriteAt(b, offset); err != nil {
			return err
		}
	}
	return st.Commit(ctx, l)
}

// converge has the stations exchange all that they have, and checks that they end up equal and as the
// tree shows.
func converge(t testing.TB, l ...*station) {
	t.Helper()
	for range 4 {
		for _, a := range l {
			for _, b := range l {
				if a != b {
					a.pull(b)
				}
			}
		}
		for _, a := range l {
			a.settled()
		}
		equal := true
		for _, a := range l[1:] {
			equal = equal && maps.Equal(a.fake.tree(), l[0].fake.tree())
		}
		if equal && quiet(l) {
			break
		}
	}
	for _, a := range l {
		a.check()
	}
	for _, a := range l[1:] {
		diff(t, l[0].name, l[0].fake.tree(), a.name, a.fake.tree())
	}
}

// quiet: nobody knows what another does not.
func quiet(l []*station) bool {
	var known []version.Vector
	for _, s := range l {
		v, err := s.folder.Begin(s.ctx())
		s.must(err)
		known = append(known, v)
	}
	for _, v := range known[1:] {
		if !v.Equal(known[0]) {
			return false
		}
	}
	return true
}

// check compares the disk with the tree.
func (s *station) check() {
	s.t.Helper()
	s.settled()
	defer func() {
		if s.t.Failed() {
			s.dump()
		}
	}()
	diff(s.t, s.name+" disk", s.fake.tree(), s.name+" tree", s.shown())
	if s.fault == nil {
		s.checkLinks()
	}
}

// dump logs what the journal has of the disk.
func (s *station) dump() {
	_ = s.journal.View(func(tx *journal.Tx) error {
		var walk func(slot journal.Slot, path string) error
		walk = func(slot journal.Slot, path string) error {
			return tx.EachApplied(slot, func(a *journal.Applied) error {
				s.log("applied %q absent %v ids %v content %+v", join(path, a.Name), a.Absent, a.IDs, a.Content)
				if a.Dir {
					return walk(a.Slot, join(path, a.Name))
				}
				return nil
			})
		}
		_ = walk(0, "")
		_ = tx.EachDirty(func(d journal.Dirty) error { s.log("dirty %+v", d); return nil })
		return tx.EachWanted(func(root item.Hash, id item.ID) error { s.log("wanted %v by %v", root, id); return nil })
	})
	_ = s.folder.do(s.ctx(), func() error {
		for x, b := range s.folder.execution.blocked {
			s.log("blocked %v: %+v", x, b)
		}
		s.log("staged %v under %v", s.folder.staging.files, s.folder.staging.under)
		return nil
	})
}

// shown is the tree shown, in the form of fake.tree.
func (s *station) shown() map[string]string {
	m := map[string]string{}
	contents := map[item.Hash]string{}
	for _, v := range s.fake.files() {
		contents[hashOf(v)] = v
	}
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
					m[p] = "dir " + n.Meta[item.Mode]
					if err := walk(n, p); err != nil {
						return err
					}
				case n.Content.Symlink:
					m[p] = "-> " + n.Content.Target
				default:
					data, ok := contents[n.Content.Root]
					if !ok {
						data = "?" + n.Content.Root.String()
					}
					m[p] = fmt.Sprintf("%s %q", n.Meta[item.Mode], data)
				}
			}
			return nil
		}
		return walk(v.Root(), "")
	}))
	return m
}

func diff(t testing.TB, an string, a map[string]string, bn string, b map[string]string) {
	t.Helper()
	if maps.Equal(a, b) {
		return
	}
	keys := slices.Sorted(maps.Keys(a))
	for k := range b {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}
	for _, k := range keys {
		if a[k] != b[k] {
			t.Errorf("%q: %s has %s, %s has %s", k, an, a[k], bn, b[k])
		}
	}
	t.FailNow()
}

func pair(t testing.TB) (a, b *station) {
	return newStation(t, "a").begin().settled(), newStation(t, "b").begin().settled()
}

func (s *station) want(path, data string) {
	s.t.Helper()
	b, err := os.ReadFile(s.path(path))
	if err != nil || string(b) != data {
		s.t.Fatalf("%s: %s has %q, %v; want %q; all: %v", s.name, path, b, err, data, s.fake.tree())
	}
}

func TestFileTravels(t *testing.T) {
	a, b := pair(t)
	a.must(a.mkdir("d"))
	a.must(a.write("d/f", "hello"))
	a.must(a.write("empty", ""))
	a.must(a.symlink("d/f", "l"))
	converge(t, a, b)
	b.want("d/f", "hello")
	b.must(b.write("d/f", "hello again"))
	b.must(b.chmod("d/f", 0o600))
	converge(t, a, b)
	a.want("d/f", "hello again")
}

func TestEditFollowsRenamedDirectory(t *testing.T) {
	a, b := pair(t)
	a.must(a.mkdir("d"))
	a.must(a.write("d/f", "1"))
	converge(t, a, b)
	a.must(a.rename("d", "e"))
	b.must(b.write("d/f", "2"))
	converge(t, a, b)
	a.want("e/f", "2")
}

func TestSameNameTwoContents(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "of a"))
	b.must(b.write("f", "of b"))
	converge(t, a, b)
	if n := len(a.fake.tree()); n != 2 {
		t.Fatalf("%d files: %v", n, a.fake.tree())
	}
}

func TestBothEdit(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "first"))
	converge(t, a, b)
	a.must(a.write("f", "of a"))
	b.must(b.write("f", "of b"))
	converge(t, a, b)
	if n := len(a.fake.tree()); n != 2 {
		t.Fatalf("%d files: %v", n, a.fake.tree())
	}
}

func TestSameDirectory(t *testing.T) {
	a, b := pair(t)
	a.must(a.mkdir("d"))
	a.must(a.write("d/a", "a"))
	b.must(b.mkdir("d"))
	b.must(b.write("d/b", "b"))
	converge(t, a, b)
	a.want("d/b", "b")
	b.want("d/a", "a")
}

func TestDeletedTreeKeepsNewFile(t *testing.T) {
	a, b := pair(t)
	a.must(a.mkdir("d"))
	a.must(a.mkdir("d/e"))
	a.must(a.write("d/e/old", "old"))
	converge(t, a, b)
	a.must(a.unlink("d/e/old"))
	a.must(a.rmdir("d/e"))
	a.must(a.rmdir("d"))
	b.must(b.write("d/e/new", "new"))
	converge(t, a, b)
	a.want("d/e/new", "new")
	if _, err := os.Lstat(a.path("d/e/old")); err == nil {
		t.Fatal("the old file is back")
	}
}

func TestMoveCycle(t *testing.T) {
	a, b := pair(t)
	a.must(a.mkdir("x"))
	a.must(a.mkdir("y"))
	a.must(a.write("x/f", "x"))
	a.must(a.write("y/f", "y"))
	converge(t, a, b)
	a.must(a.rename("x", "y/x"))
	b.must(b.rename("y", "x/y"))
	converge(t, a, b)
}

func TestSwap(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "1"))
	a.must(a.write("g", "2"))
	a.must(a.mkdir("d"))
	a.must(a.write("d/x", "x"))
	a.must(a.mkdir("e"))
	converge(t, a, b)
	a.must(a.exchange("f", "g"))
	a.must(a.exchange("d", "e"))
	a.must(a.exchange("f", "e"))
	converge(t, a, b)
}

func TestSaveOverTheOld(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "1"))
	converge(t, a, b)
	a.must(a.write("f.tmp", "2"))
	a.must(a.rename("f.tmp", "f"))
	converge(t, a, b)
	b.want("f", "2")
	b.must(b.rename("f", "f~"))
	b.must(b.write("f", "3"))
	b.must(b.unlink("f~"))
	a.must(a.write("f", "4"))
	converge(t, a, b)
	if n := len(a.fake.tree()); n != 2 {
		t.Fatalf("%v", a.fake.tree())
	}
}

func TestLink(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "1"))
	a.must(a.link("f", "g"))
	converge(t, a, b)
	b.want("g", "1")
}

// A mode set elsewhere on one of two names of a file is that of both here, and so everywhere.
func TestLinkIsGivenAMode(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "1"))
	a.must(a.link("f", "g"))
	converge(t, a, b)
	b.must(b.chmod("f", 0o600))
	converge(t, a, b)
}

func TestSymlinkInDirectoryRenamedAtOnce(t *testing.T) {
	a, b := pair(t)
	for i := range 10 {
		d, e := fmt.Sprint("d", i), fmt.Sprint("e", i)
		a.must(a.mkdir(d))
		a.must(a.symlink("target", d+"/l"))
		a.must(a.symlink("target", d+"/m"))
		a.must(a.rename(d+"/m", d+"/n"))
		a.must(a.rename(d, e))
		a.must(a.mkdir(d))
		a.must(a.write(d+"/l", "a file"))
	}
	converge(t, a, b)
}

func TestManyFiles(t *testing.T) {
	a, b := pair(t)
	n := 2000
	if *many > 0 {
		n = *many
	}
	for i := range 20 {
		a.must(a.mkdir(fmt.Sprint("d", i)))
	}
	start := time.Now()
	for i := range n {
		a.must(a.write(fmt.Sprintf("d%d/f%d", i%20, i), fmt.Sprint("content ", i)))
	}
	a.settled()
	t.Log("taken in", time.Since(start))
	start = time.Now()
	b.states(a)
	t.Log("joined", time.Since(start))
	b.must(b.folder.Settle(b.ctx()))
	t.Log("shown", time.Since(start))
	b.fetch(a)
	t.Log("placed", time.Since(start))
	converge(t, a, b)
	a.must(a.rename("d0", "moved"))
	start = time.Now()
	b.pull(a)
	t.Log("renamed", time.Since(start))
	converge(t, a, b)
}

func TestFirstContact(t *testing.T) {
	a, b := newStation(t, "a"), newStation(t, "b")
	for _, s := range []*station{a, b} {
		s.must(s.mkdir("d"))
		s.must(s.write("d/same", "same"))
		s.must(s.write("other", s.name))
		s.must(s.write("only "+s.name, "x"))
		s.begin().settled()
	}
	converge(t, a, b)
	if n := len(a.fake.tree()); n != 6 {
		t.Fatalf("%v", a.fake.tree())
	}
}

func TestChangesWhileNobodyLooked(t *testing.T) {
	a, b := pair(t)
	a.must(a.mkdir("d"))
	a.must(a.write("d/f", "1"))
	a.must(a.write("g", "1"))
	a.must(a.write("h", "1"))
	converge(t, a, b)
	a.end()
	a.must(a.rename("d", "e"))
	a.must(a.write("g", "22"))
	a.must(a.unlink("h"))
	a.must(a.write("new", "new"))
	b.must(b.write("d/f", "of b"))
	a.begin().settled()
	converge(t, a, b)
	a.want("e/f", "of b")
	b.want("g", "22")
	if len(b.fake.tree()) != 4 {
		t.Fatalf("%v", b.fake.tree())
	}
}
