package journal

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"syncfs/journal/item"
)

// smallDisk is a directory on a disk of 64 MiB, and fill leaves so many bytes free on it, until release. An ordinary user
// can't mount one: ok is false.
func smallDisk(t *testing.T) (dir string, fill func(leave int64), release func(), ok bool) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"); errors.Is(err, syscall.EPERM) {
		t.Log("an ordinary user does without a small disk")
		return "", nil, nil, false
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	filler := filepath.Join(dir, "filler")
	fill = func(leave int64) {
		t.Helper()
		n, err := free(dir)
		must(t, err)
		f, err := os.Create(filler)
		must(t, err)
		defer f.Close()
		must(t, syscall.Fallocate(int(f.Fd()), 0, 0, n-leave))
	}
	return dir, fill, func() { must(t, os.Remove(filler)) }, true
}

// commitUntilFull commits until there is no room, and says how many commits were made.
func commitUntilFull(t *testing.T, j *Journal, from int) int {
	t.Helper()
	for i := from; i < from+1000; i++ {
		err := commitBig(j, i)
		if errors.Is(err, syscall.ENOSPC) {
			return i
		}
		must(t, err)
	}
	t.Fatal("there is room without end")
	return 0
}

func commitBig(j *Journal, i int) error {
	return j.Update(func(tx *Tx) error { return tx.PutList(item.Hash{1, byte(i >> 8), byte(i)}, make([]byte, 100<<10)) })
}

func checkBig(t *testing.T, j *Journal, n int) {
	t.Helper()
	must(t, j.View(func(tx *Tx) error {
		for i := range n + 1 {
			b, err := tx.List(item.Hash{1, byte(i >> 8), byte(i)})
			if err != nil || (len(b) == 100<<10) != (i < n) {
				t.Errorf("commit %d of %d: %d bytes, %v", i, n, len(b), err)
			}
		}
		return nil
	}))
}

// A commit for which a full disk has no room fails, nothing of it is there, and what was committed is; also where it is
// the table that a full memtable becomes for which there is none. With room it goes on.
func TestFullDisk(t *testing.T) {
	for _, leave := range []int64{0, rotationRoom - 1<<20} {
		dir, fill, release, ok := smallDisk(t)
		if !ok {
			return
		}
		at := filepath.Join(dir, "journal")
		j := openDir(t, at)
		must(t, j.Room())
		fill(leave)
		n := commitUntilFull(t, j, 0)
		if n == 0 || leave > 0 && !j.tail.full() {
			t.Errorf("%d free: full after %d commits, %d bytes", leave, n, j.tail.size)
		}
		if err := j.Room(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%d free: room: %v", leave, err)
		}
		checkBig(t, j, n)
		release()
		must(t, j.Room())
		must(t, commitBig(j, n))
		must(t, j.Close())
		if leave == 0 {
			fill(leave)
			if _, err := Open(Options{Dir: at}); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("opened without room: %v", err)
			}
			release()
		}
		j = openDir(t, at)
		checkBig(t, j, n+1)
		must(t, j.Close())
	}
}

// A journal is closed on a full disk too, where Badger has no room to close; what it holds is there when it is opened with
// room, and without it is not opened.
func TestCloseOnFullDisk(t *testing.T) {
	dir, fill, release, ok := smallDisk(t)
	if !ok {
		return
	}
	at := filepath.Join(dir, "journal")
	j := openDir(t, at)
	fill(0)
	n := commitUntilFull(t, j, 0)
	must(t, j.Close())
	if _, err := Open(Options{Dir: at}); !errors.Is(err, ErrLocked) {
		t.Errorf("opened beside a process that has not ended: %v", err)
	}
	must(t, j.lock.Close()) // as the process ends
	release()
	fill(leastRoom + 1<<20)
	if _, err := Open(Options{Dir: at}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("opened without room for its tables: %v", err)
	}
	release()
	j = openDir(t, at)
	checkBig(t, j, n)
	must(t, j.Close())
}
