package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"syncfs/journal/item"
)

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	j := openDir(t, dir)
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrLocked) {
		t.Fatalf("opened twice: %v", err)
	}
	must(t, j.Close())
	must(t, openDir(t, dir).Close())
}

func TestUnknownSchema(t *testing.T) {
	dir := t.TempDir()
	j := openDir(t, dir)
	must(t, j.Update(func(tx *Tx) error {
		return tx.set(singleKey("schema"), binary.AppendUvarint(nil, schema+1))
	}))
	must(t, j.Close())
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrSchema) {
		t.Fatalf("a later format: %v", err)
	}
	j = &Journal{}
	must(t, os.RemoveAll(dir))
	must(t, j.start(Options{Dir: dir}))
	must(t, j.Update(func(tx *Tx) error {
		must(t, tx.SetClock(1))
		return tx.delete(singleKey("schema"))
	}))
	must(t, j.Close())
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrSchema) {
		t.Fatalf("no format: %v", err)
	}
}

func TestBackupAndRestore(t *testing.T) {
	a, b := inMemory(t), inMemory(t)
	defer a.Close()
	defer b.Close()
	must(t, a.Update(func(tx *Tx) error {
		must(t, tx.PutKnown(state(1)))
		must(t, tx.PutKnown(state(2)))
		return tx.DeleteKnown(state(2).ID)
	}))
	var backup bytes.Buffer
	must(t, a.Backup(&backup))
	must(t, b.Restore(&backup))
	must(t, b.Update(func(tx *Tx) error { return tx.PutKnown(state(3)) }))
	must(t, b.View(func(tx *Tx) error {
		for n, want := range map[int]bool{1: true, 2: false, 3: true} {
			if it, err := tx.Known(state(n).ID); (it != nil) != want || err != nil {
				t.Errorf("state %d: %v, %v", n, it, err)
			}
		}
		return nil
	}))
}

// Bytes that changed on disk are told as such, by Verify at the latest, and end no process.
func TestCorruption(t *testing.T) {
	dir := t.TempDir()
	j := openDir(t, dir)
	must(t, j.Update(func(tx *Tx) error {
		for n := range 1000 {
			must(t, tx.PutKnown(state(n)))
		}
		return nil
	}))
	must(t, j.Close())
	flip(t, dir)
	j = openDir(t, dir)
	defer j.Close()
	if err := j.Verify(); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("verified, with bytes changed: %v", err)
	}
	must(t, j.View(func(tx *Tx) error {
		for n := range 1000 {
			if it, err := tx.Known(state(n).ID); err == nil && it != nil && !it.Equal(state(n)) {
				t.Fatalf("state %d was read as %v", n, it)
			}
		}
		if err := tx.EachKnown(func(*item.Item) error { return nil }); err != nil && !errors.Is(err, ErrCorrupt) {
			t.Fatal(err)
		}
		return nil
	}))
}

// flip changes one byte in a hundred of a part of the first table.
func flip(t *testing.T, dir string) {
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	must(t, err)
	path := tables[0]
	b, err := os.ReadFile(path)
	must(t, err)
	for at := len(b) / 4; at < len(b)/2; at += 100 {
		b[at] ^= 0x55
	}
	must(t, os.WriteFile(path, b, 0o600))
}

var update = flag.Bool("update", false, "write testdata anew, for a new format only")

// A journal of every format that was released opens for good.
func TestOldFormats(t *testing.T) {
	const format2 = "testdata/format2"
	if *update {
		must(t, os.RemoveAll(format2))
		writeFixture(t, format2)
	}
	dir := t.TempDir()
	must(t, os.CopyFS(dir, os.DirFS(format2)))
	j := openDir(t, dir)
	defer j.Close()
	must(t, j.View(func(tx *Tx) error { checkFixture(t, tx); return nil }))
}
