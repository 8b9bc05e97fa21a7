package journal

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"syncfs/journal/item"
)

// A machine whose power can be cut: it knows of each memtable's file what was last fsynced.
type machine struct {
	t       *testing.T
	j       *Journal
	dir     string
	durable map[string][]byte
	rand    *rand.Rand
}

func newMachine(t *testing.T) *machine {
	m := &machine{t: t, dir: t.TempDir(), durable: map[string][]byte{}, rand: rand.New(rand.NewPCG(1, 2))}
	m.j = openDir(t, m.dir)
	sync := m.j.db.Sync
	m.j.fsync = func() error {
		defer m.note()
		return sync()
	}
	m.j.tail.fsync = m.j.fsync
	m.note()
	return m
}

func openDir(t *testing.T, dir string) *Journal {
	t.Helper()
	j, err := Open(Options{Dir: dir})
	must(t, err)
	return j
}

// note is called when Badger has fsynced its active memtable: the one with the last number.
func (m *machine) note() {
	files, err := memFiles(m.dir)
	must(m.t, err)
	active := files[len(files)-1]
	m.durable[active] = read(filepath.Join(m.dir, active), m.j.tail.size+1<<20)
}

// cut gives what is on disk after a power cut: tables, which Badger fsyncs when it makes them; and of
// each memtable what was fsynced, with some of the pages written since.
func (m *machine) cut() string {
	for {
		dir := m.t.TempDir()
		before := m.names()
		if m.copyTo(dir) && reflect.DeepEqual(before, m.names()) {
			return unlink(m.t, dir)
		}
		// Badger flushed or compacted meanwhile: no power cut leaves such a mixture.
	}
}

// names changes whenever files come, go or the manifest grows.
func (m *machine) names() []string {
	var names []string
	entries, err := os.ReadDir(m.dir)
	must(m.t, err)
	for _, e := range entries {
		names = append(names, e.Name())
		if info, err := e.Info(); err == nil && e.Name() == "MANIFEST" {
			names = append(names, fmt.Sprint(info.Size(), info.ModTime()))
		}
	}
	return names
}

// copyTo is quick, so that Badger is seen in the midst of its work: tables are linked, and copied
// in the end.
func (m *machine) copyTo(dir string) bool {
	entries, err := os.ReadDir(m.dir)
	must(m.t, err)
	for _, e := range entries {
		from, to := filepath.Join(m.dir, e.Name()), filepath.Join(dir, e.Name())
		switch filepath.Ext(from) {
		case ".sst":
			err = os.Link(from, to)
		case ".vlog": // nothing is in it but its head
			err = os.WriteFile(to, read(from, 20), 0o600)
		case memSuffix:
			b := m.durable[e.Name()]
			if from == m.j.tail.path(m.j.tail.number) {
				b = m.torn(b, read(from, m.j.tail.size+1<<20))
			}
			err = os.WriteFile(to, b, 0o600)
		default:
			err = os.WriteFile(to, read(from, 1<<20), 0o600)
		}
		if err != nil {
			return false
		}
	}
	return true
}

// read gives the beginning of a file, nothing where it is gone.
func read(path string, limit int64) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, limit))
	return b
}

// unlink has the tables be copies: the journal opened there may delete them.
func unlink(t *testing.T, dir string) string {
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	must(t, err)
	for _, p := range tables {
		b, err := os.ReadFile(p)
		must(t, err)
		must(t, os.Remove(p))
		must(t, os.WriteFile(p, b, 0o600))
	}
	return dir
}

// torn is what was fsynced of a file, with some of the pages written since.
func (m *machine) torn(durable, now []byte) []byte {
	const page = 4096
	b := make([]byte, max(len(durable), len(now)))
	copy(b, durable)
	for at := 0; at < len(now); at += page {
		if end := min(at+page, len(now)); m.rand.IntN(3) == 0 {
			copy(b[at:end], now[at:end])
		}
	}
	return b
}

// update is the n-th Update: it can be told later whether all of it is there.
func (m *machine) update(n int) {
	must(m.t, m.j.Update(func(tx *Tx) error {
		must(m.t, tx.PutList(rootOf(n), bytes.Repeat([]byte{byte(n)}, m.rand.IntN(100<<10))))
		must(m.t, tx.PutKnown(state(n)))
		return tx.SetClock(int64(n))
	}))
}

func rootOf(n int) item.Hash { return item.Hash{1, byte(n), byte(n >> 8)} }

// history is how many updates a journal has, which must be the first ones, each whole.
func history(t *testing.T, dir string) int {
	t.Helper()
	j := openDir(t, dir)
	defer j.Close()
	var last int
	must(t, j.View(func(tx *Tx) error {
		clock, err := tx.Clock()
		must(t, err)
		last = int(clock)
		for n := 1; n <= last+3; n++ {
			list, err := tx.List(rootOf(n))
			must(t, err)
			it, err := tx.Known(state(n).ID)
			must(t, err)
			if there := n <= last; (list != nil) != there || (it != nil) != there {
				t.Fatalf("update %d of %d: list %v, state %v", n, last, list != nil, it != nil)
			}
		}
		return nil
	}))
	return last
}

// After a power cut the journal holds the first updates, up to some, and among them all that Sync
// has returned for, through many rotations of the memtable.
func TestPowerCut(t *testing.T) {
	m := newMachine(t)
	defer m.j.Close()
	synced, rotations := 0, m.j.tail.number
	for n := 1; n <= 800; n++ {
		var before string
		active := m.j.tail.number
		if m.j.tail.size > memTableSize-200<<10 {
			before = m.cut()
		}
		m.update(n)
		if n%97 == 0 {
			must(t, m.j.Sync())
			synced = n
		}
		if n%100 == 0 {
			m.want(m.cut(), synced, n)
		}
		if m.j.tail.number != active {
			m.rotated(before, active, n)
		}
	}
	if m.j.tail.number-rotations < 2 {
		t.Fatalf("the memtable was rotated %d times only", m.j.tail.number-rotations)
	}
}

func (m *machine) want(dir string, synced, made int) {
	m.t.Helper()
	if got := history(m.t, dir); got < synced || got > made {
		m.t.Fatalf("%d updates after a power cut at %d, %d had been synced", got, made, synced)
	}
}

// rotated is the worst moment for a power cut: the kernel has written the new memtable, of the one
// that was rotated there is only what was fsynced, and no table yet.
func (m *machine) rotated(before string, active, made int) {
	for number, b := range map[int][]byte{
		active:     m.durable[filepath.Base(m.j.tail.path(active))],
		active + 1: read(m.j.tail.path(active+1), m.j.tail.size+1<<20),
	} {
		must(m.t, os.WriteFile(filepath.Join(before, filepath.Base(m.j.tail.path(number))), b, 0o600))
	}
	m.want(before, made, made)
}

// A memtable is on disk whole before it is rotated: the estimate of its size is never behind.
func TestRotatedMemtableIsOnDisk(t *testing.T) {
	j := openDir(t, t.TempDir())
	defer j.Close()
	for rotations, n := 0, 0; rotations < 2; n++ {
		before := *j.tail
		must(t, j.Update(func(tx *Tx) error {
			for i := range 500 {
				must(t, tx.PutKnown(state(n*500+i)))
			}
			return nil
		}))
		if j.tail.number == before.number {
			if before.size > memTableSize+heightMargin {
				t.Fatalf("estimated %d, but not rotated: every commit is fsynced", before.size)
			}
			continue
		}
		rotations++
		if !j.tail.synced {
			t.Fatalf("rotated at an estimated size of %d, without fsync", before.size)
		}
	}
}

// What a killed process left is on disk when Open returns.
func TestOpenAfterKill(t *testing.T) {
	m := newMachine(t)
	defer m.j.Close()
	for n := 1; n <= 300; n++ {
		m.update(n)
	}
	dir := t.TempDir()
	for !m.copyAll(dir) {
		dir = t.TempDir()
	}
	if got := history(t, dir); got != 300 {
		t.Fatalf("%d updates of 300", got)
	}
}

// copyAll copies the files as the kernel has them: what a killed process leaves.
func (m *machine) copyAll(dir string) bool {
	before := m.names()
	for _, e := range before {
		b, err := os.ReadFile(filepath.Join(m.dir, e))
		if err != nil && !strings.ContainsAny(e, " ") {
			return false
		}
		if err == nil {
			must(m.t, os.WriteFile(filepath.Join(dir, e), b, 0o600))
		}
	}
	return reflect.DeepEqual(before, m.names())
}
