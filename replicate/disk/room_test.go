package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"syncfs/journal"
	"syncfs/journal/item"
)

// newFullStation is a station whose journal is on a disk of its own, that no commit has room on until release. An
// ordinary user can't mount one: ok is false.
func newFullStation(t *testing.T, nm string) (s *station, release func(), ok bool) {
	t.Helper()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=64m"); errors.Is(err, syscall.EPERM) {
		t.Log("an ordinary user does without a small disk")
		return nil, nil, false
	} else if err != nil {
		t.Fatal(err)
	}
	s = newStation(t, nm)
	j, err := journal.Open(journal.Options{Dir: filepath.Join(disk, "journal")})
	s.must(err)
	s.journal = j
	t.Cleanup(func() {
		s.end()
		s.must(j.Close())
		s.must(syscall.Unmount(disk, syscall.MNT_DETACH))
	})
	s.begin().settled()

	filler := filepath.Join(disk, "filler")
	f, err := os.Create(filler)
	s.must(err)
	defer f.Close()
	var st syscall.Statfs_t
	s.must(syscall.Statfs(disk, &st))
	s.must(syscall.Fallocate(int(f.Fd()), 0, 0, int64(st.Bavail)*st.Bsize))
	for i := 0; err == nil; i++ { // takes what room was made ahead
		err = j.Update(func(tx *journal.Tx) error { return tx.PutList(item.Hash{1, byte(i)}, make([]byte, 100<<10)) })
	}
	if !noRoom(err) {
		t.Fatal(err)
	}
	return s, func() { s.must(os.Remove(filler)) }, true
}

// While the journal has no room programs go on, nothing is taken for done, and who waits is told; then all goes on by
// itself, and the loop has not ended.
func TestJournalWithoutRoom(t *testing.T) {
	a, release, ok := newFullStation(t, "a")
	if !ok {
		return
	}
	b := newStation(t, "b").begin().settled()
	for i := range 100 {
		a.must(a.write(fmt.Sprint("f", i), "1"))
	}
	for _, wait := range []func(context.Context) error{
		a.folder.WaitSettled, a.folder.Settle,
		func(ctx context.Context) error { _, err := a.folder.Begin(ctx); return err },
	} {
		if err := wait(a.ctx()); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("who waits is told %v", err)
		}
	}
	st := a.folder.Status()
	if len(st.Refused) != 1 || st.Refused[0].Path != journalPath || !errors.Is(st.Refused[0].Err, syscall.ENOSPC) {
		t.Errorf("%v", st.Refused)
	}
	a.folder.nudge(a.ctx()) // the loop answers
	a.must(a.unlink("f0"))
	release()
	for deadline := time.Now().Add(patience); a.folder.WaitSettled(a.ctx()) != nil; a.folder.nudge(a.ctx()) {
		if time.Now().After(deadline) {
			t.Fatalf("not journaled: %+v", a.folder.Status())
		}
	}
	if st := a.folder.Status(); len(st.Refused) != 0 {
		t.Errorf("still: %v", st.Refused)
	}
	converge(t, a, b)
	if n := len(b.files()); n != 99 {
		t.Errorf("%d files", n)
	}
}

// What keeps anything from being written to the journal for now is waited for; nothing else is.
func TestWhatIsNoRoom(t *testing.T) {
	for err, want := range map[error]bool{
		syscall.ENOSPC: true, syscall.EDQUOT: true, syscall.EROFS: true,
		fmt.Errorf("journal: %w", &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}): true,
		syscall.EIO: false, journal.ErrTooLarge: false, journal.ErrCorrupt: false,
	} {
		if noRoom(err) != want {
			t.Errorf("%v: %v", err, !want)
		}
	}
	if noRoom(nil) {
		t.Error("nothing is no reason")
	}
}

// An error that ends the transaction is not taken for a family that is to be looked at once more; where there is none it
// is that.
func TestAgain(t *testing.T) {
	ends := fmt.Errorf("journal: %w", syscall.EIO)
	var first firstError
	if err := first.add(again(ends)); !errors.Is(err, syscall.EIO) || first.err != nil {
		t.Errorf("%v goes on as %v", err, first.err)
	}
	if err := first.add(again(nil)); err != nil || !errors.Is(first.err, errAgain) {
		t.Errorf("ends with %v, goes on as %v", err, first.err)
	}
}
