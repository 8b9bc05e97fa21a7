package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Sync returns when every Update that had returned before is on disk. Nothing that an Update holds
// may leave the machine earlier.
//
// Badger's own Sync is enough for that: it covers the active memtable, and the others are on disk
// since before they were rotated, which is the work of tail.
func (j *Journal) Sync() error {
	if err := j.fsync(); err != nil {
		return fmt.Errorf("journal: fsync: %w", err)
	}
	return nil
}

const (
	memTableSize = 16 << 20

	// What an entry takes in a memtable beside key, value and what the overlay counts: the version,
	// meta and expiry, and the node of the skip list, whose height is random: 4 bytes a level, 3/2
	// levels on average.
	entryInMemory = 8 + 3 + 29 - entryOverhead

	// The heights of 100,000 nodes together are off by no more than 2 KiB; this is many times that.
	heightMargin = 64 << 10
)

// A tail watches the memtable that takes the commits, and has it on disk before a commit that may go
// into the next one. So a crash of the machine cuts the journal's history at one point: there is no
// commit left of which an earlier one is lost, and no rotated memtable of which Badger's Sync, which
// covers the active one only, would miss a part.
type tail struct {
	fsync  func() error // the active memtable
	dir    string       // "" in memory
	number int          // of the active memtable's file
	size   int64        // of the active memtable, estimated
	synced bool         // on disk, all of it
	room   room
}

// newTail is called when Badger has opened dir, "" for none: the active memtable is empty.
func newTail(dir string, fsync func() error) (*tail, error) {
	t := &tail{dir: dir, fsync: fsync}
	if err := t.look(); err != nil {
		return nil, err
	}
	t.size = 0
	if dir == "" {
		return t, nil
	}
	return t, t.anew()
}

// look takes the memtables as they are, brings them to disk, and the last for full.
func (t *tail) look() error {
	if t.dir == "" {
		return nil
	}
	files, err := memFiles(t.dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		n, err := strconv.Atoi(f[:len(f)-len(memSuffix)])
		if err != nil {
			return fmt.Errorf("file %s: %w", f, ErrCorrupt)
		}
		// One that is gone has become a table.
		if err := syncFile(t.path(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		t.number = max(t.number, n)
	}
	t.size = memTableSize
	return syncDir(t.dir)
}

// before is called before each commit.
func (t *tail) before(w *overlay) error {
	if t.dir == "" {
		return nil
	}
	if err := t.allow(w); err != nil {
		return err
	}
	t.synced = t.full()
	if !t.synced {
		return nil
	}
	if err := checkRoom(t.dir, rotationRoom); err != nil {
		return err
	}
	if err := t.fsync(); err != nil {
		return fmt.Errorf("journal: fsync before a rotation: %w", err)
	}
	return nil
}

// full: a commit may go into the next memtable.
func (t *tail) full() bool { return t.size+heightMargin >= memTableSize }

// after is called after each commit: it sees whether the memtable was rotated.
func (t *tail) after(w *overlay) error {
	if t.dir == "" {
		return nil
	}
	grown := w.size + int64(len(w.values))*entryInMemory
	for {
		if _, err := os.Lstat(t.path(t.number + 1)); errors.Is(err, fs.ErrNotExist) {
			t.size += grown
			t.room.end += inLog(w)
			return nil
		} else if err != nil {
			return err
		}
		if err := t.rotated(); err != nil {
			return err
		}
	}
}

func (t *tail) rotated() error {
	if !t.synced {
		// The estimate was wrong. The commit is made, and nobody was told yet that it is on disk.
		if err := syncFile(t.path(t.number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	t.number++
	t.size = 0
	if err := t.anew(); err != nil && !errors.Is(err, unix.ENOSPC) { // then the next commit finds out
		return err
	}
	return syncDir(t.dir)
}

func (t *tail) path(number int) string {
	return filepath.Join(t.dir, fmt.Sprintf("%05d%s", number, memSuffix))
}

const memSuffix = ".mem"

func memFiles(dir string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*"+memSuffix))
	for i, p := range paths {
		paths[i] = filepath.Base(p)
	}
	return paths, err
}

// syncFiles brings to disk what a process that was killed had written and not fsynced: Badger reads
// it back from memory that a crash of the machine would still take.
func syncFiles(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if !f.Type().IsRegular() {
			continue
		}
		if err := syncFile(filepath.Join(dir, f.Name())); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// syncDir makes the names of new files durable, which Badger does not for its memtables.
func syncDir(dir string) error { return syncFile(dir) }
