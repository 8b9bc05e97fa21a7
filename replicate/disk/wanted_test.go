package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"syncfs/journal/change"
	"syncfs/journal/item"
	"syncfs/replicate/chunk"
)

// wants is how many contents are wanted still.
func (s *station) wants() int {
	s.t.Helper()
	rest, err := s.folder.Rest(s.ctx())
	s.must(err)
	return rest.Wanted
}

// The daemon ends when the first of two files of one content is in place and the journal does not say so.
// Started again it puts the other in place as well, without a peer.
func TestCrashBetweenFilesOfOneContent(t *testing.T) {
	for n := int64(0); ; n++ {
		a, b := pair(t)
		a.must(a.write("f", "the same"))
		a.must(a.write("g", "the same"))
		passed := b.faultAfter(n, errCrash)
		if b.takeStates(b.ctx(), a) == nil {
			_ = b.takeContents(b.ctx(), a)
		}
		b.end()
		b.noFault()
		_, errF := os.Lstat(filepath.Join(b.root, "f"))
		_, errG := os.Lstat(filepath.Join(b.root, "g"))
		b.begin().settled()
		if errF == nil || errG == nil {
			b.want("f", "the same")
			b.want("g", "the same")
			if n := b.wants(); n != 0 {
				t.Errorf("%d contents are wanted still", n)
			}
		}
		converge(t, a, b)
		a.end()
		b.end()
		if passed.Load() <= n {
			return
		}
	}
}

// A copy that was to be made of a content that is here, when the daemon ended, is made by the next.
func TestCrashBeforeACopy(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "the same"))
	a.must(a.write("g", "old"))
	converge(t, a, b)
	a.must(a.write("g", "the same"))
	b.faultAfter(0, context.Canceled)
	_ = b.takeStates(b.ctx(), a)
	b.end()
	b.noFault()
	b.begin().settled()
	b.want("g", "the same")
	converge(t, a, b)
}

// What somebody renamed lives by that alone, once another has edited and removed it: it shows the content that was
// renamed, which is still to be had.
func TestRenamedHereEditedAndRemovedThere(t *testing.T) {
	for name, keep := range map[string]func(*station) (string, error){
		"rename": func(s *station) (string, error) { return "g", s.rename("f", "g") },
		"chmod":  func(s *station) (string, error) { return "f", s.chmod("f", 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t)
			a.must(a.write("f", "old"))
			converge(t, a, b)
			at, err := keep(a)
			a.must(err)
			b.must(b.write("f", "edited"))
			b.settled()
			b.must(b.unlink("f"))
			converge(t, a, b)
			a.want(at, "old")
			b.want(at, "old")
			if n := a.wants() + b.wants(); n != 0 {
				t.Errorf("%d contents are wanted still", n)
			}
		})
	}
}

// What a program writes here is given to all who want the same, with no peer and no start.
func TestAProgramWritesWhatIsWanted(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "the same"))
	a.must(a.write("d", "older"))
	converge(t, a, b)
	a.must(a.write("d", "the same, later"))
	a.must(a.write("new", "the same, later"))
	b.states(a)
	b.must(b.write("g", "the same, later"))
	b.settled()
	for _, path := range []string{"d", "new", "g"} {
		b.want(path, "the same, later")
	}
	if n := b.wants(); n != 0 {
		t.Errorf("%d contents are wanted still", n)
	}
	converge(t, a, b)
}

// A program writes it at the moment in which the peer sends it, and removes it again: whichever way it comes, nothing
// is wanted afterwards.
func TestAProgramWritesWhatIsBeingFetched(t *testing.T) {
	a, b := pair(t)
	for i := range 40 {
		data := fmt.Sprint("content ", i)
		a.must(a.write("f", data))
		b.states(a)
		var programs sync.WaitGroup
		programs.Go(func() {
			if b.write("g", data) == nil && i%2 == 0 {
				_ = b.unlink("g")
			}
		})
		b.fetch(a)
		programs.Wait()
		b.settled()
		b.want("f", data)
		if n := b.wants(); n != 0 {
			t.Fatalf("%d: %d contents are wanted still", i, n)
		}
	}
	converge(t, a, b)
}

// What is missing is told, with its size, and nobody waits for it.
func TestMissingIsTold(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "missing"))
	b.states(a)
	if n, bytes, err := b.folder.Missing(); n != 1 || bytes != int64(len("missing")) || err != nil {
		t.Errorf("%d contents, %d bytes: %v", n, bytes, err)
	}
	b.fetch(a)
	if n, _, err := b.folder.Missing(); n != 0 || err != nil {
		t.Errorf("%d contents still: %v", n, err)
	}
}

// A content that another wants already is wanted by each who lacks it, and given to each.
func TestWantedByEach(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "the same"))
	a.must(a.write("g", "the same"))
	b.states(a)
	b.must(b.folder.Settle(b.ctx()))
	b.must(b.folder.do(b.ctx(), func() error {
		return b.folder.update(func(x *batch) error {
			k, _, err := find(x.Tx, "f")
			if err != nil {
				return err
			}
			f, err := k.applied(x.Tx)
			if err != nil {
				return err
			}
			n, _, err := x.NodeOf(f.IDs[0])
			if err != nil {
				return err
			}
			// It was here once, and is not any more.
			if err := x.Tx.DeleteWanted(n.Content.Root, n.IDs[0]); err != nil {
				return err
			}
			return newExecutor(b.ctx(), x).want(n)
		})
	}))
	b.fetch(a)
	b.settled()
	b.want("f", "the same")
	b.want("g", "the same")
}

// A content that is committed and can't be made durable is given up, and who waits for all that is on its way is told.
func TestNobodyWaitsForAContentThatIsGivenUp(t *testing.T) {
	a := newStation(t, "a").begin().settled()
	s, c := a.folder.staging, content{root: emptyRoot, name: "not there"}
	s.mu.Lock()
	s.waiting++
	s.under[c.root]++
	s.mu.Unlock()
	settled := make(chan error, 1)
	go func() { settled <- a.folder.Settle(a.ctx()) }()
	for waits := false; !waits; {
		a.must(a.folder.do(a.ctx(), func() error { waits = len(a.folder.waiters) == 1; return nil }))
	}
	s.mu.Lock()
	s.committed = append(s.committed, c)
	s.mu.Unlock()
	s.commit <- struct{}{}
	a.must(<-settled)
}

// What no peer has any more is waited for by nobody; what has taken its place is opened instead.
func TestFetchOfWhatIsGone(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "first"))
	b.states(a)
	b.must(b.folder.Settle(b.ctx()))
	ctx, cancel := context.WithTimeout(b.ctx(), maxFetch/2)
	defer cancel()
	gone := func(context.Context, item.Hash, int64) error { return chunk.ErrGone }
	b.folder.options.Fetch = gone
	if err := b.folder.Fetch(ctx, "f"); err != syscall.EIO {
		t.Errorf("of what is gone: %v", err)
	}
	asked := 0
	b.folder.options.Fetch = func(context.Context, item.Hash, int64) error {
		if asked++; asked > 1 {
			b.fetch(a)
			return nil
		}
		a.must(a.write("f", "second"))
		b.states(a)
		b.must(b.folder.Settle(b.ctx()))
		return chunk.ErrGone
	}
	b.must(b.folder.Fetch(ctx, "f"))
	b.want("f", "second")
	converge(t, a, b)
}

// A file of staging that has gone, where a step took effect and was not seen to the end, is not waited for.
func TestAStagedFileThatIsGoneIsBroughtAgain(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "older"))
	converge(t, a, b)
	a.must(a.write("f", "a file"))
	a.settled()
	b.states(a)
	b.must(b.folder.do(b.ctx(), func() error {
		b.folder.staging.files[chunk.Bytes([]byte("a file")).Root()] = []string{"not there"}
		return nil
	}))
	b.fetch(a)
	b.pull(a)
	b.want("f", "a file")
}

// A content is fetched that somebody wants who knows what it is, though who wants it first does not any more.
func TestWantedByWhoHasItNoMore(t *testing.T) {
	a, b := pair(t)
	for i := range 8 {
		a.must(a.write(fmt.Sprint(i), fmt.Sprint("content ", i)))
	}
	b.states(a)
	b.settled()
	b.must(b.folder.do(b.ctx(), func() error {
		return b.folder.update(func(b *batch) error {
			var first item.ID
			var roots []item.Hash
			err := b.Tx.EachWanted(func(root item.Hash, id item.ID) error {
				if first == item.Root || id.Compare(first) < 0 {
					first = id
				}
				roots = append(roots, root)
				return nil
			})
			for _, root := range roots {
				err = errors.Join(err, b.Tx.PutWanted(root, first))
			}
			return err
		})
	}))
	b.fetch(a)
	converge(t, a, b)
}

// What a program removes while a step is made in the same family is wanted no more: nobody might have it.
func TestRemovedAmidSteps(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "of a"))
	a.settled()
	b.must(b.write("f", "of b"))
	b.fault = func(op, path string, after bool) error {
		mine, err := filepath.Glob(b.path("f (conflict*"))
		if op == "place" && !after && err == nil && len(mine) > 0 {
			name := filepath.Base(mine[0])
			st, err := b.Stat(name)
			b.must(err)
			b.must(os.Remove(mine[0]))
			b.note(change.Change{Kind: change.Unlink, Path: name, Gone: st.Signature.Ino})
		}
		return nil
	}
	b.pull(a)
	b.settled()
	b.noFault()
	rest, err := b.folder.Rest(b.ctx())
	b.must(err)
	if rest.Wanted != 0 || rest.Steps != 0 {
		t.Errorf("%+v", rest)
	}
	converge(t, a, b)
	if _, err := b.Stat("f"); err != nil || len(b.files()) != 1 {
		t.Errorf("%q, %v", b.files(), err)
	}
}
