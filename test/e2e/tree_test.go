package e2e

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"
)

// An entry is what replicas must agree on about one name: kind and mode, and of a file its mtime and
// content, of a symlink its target.
type entry struct {
	mode    fs.FileMode
	mtime   time.Time
	content string
}

func (e entry) String() string {
	return fmt.Sprintf("%v %s %.16q", e.mode, e.mtime.Format("15:04:05.000000000"), e.content)
}

// A tree is all below a folder.
type tree map[string]entry

// readTree reads everything, several files at once.
func readTree(t *testing.T, dir string) tree {
	t.Helper()
	var mu sync.Mutex // guards all
	all := tree{}
	var readers sync.WaitGroup
	paths := make(chan string, 64)
	for range 4 {
		readers.Go(func() {
			for path := range paths {
				e, err := readEntry(filepath.Join(dir, path))
				if err != nil {
					t.Errorf("%s: %v", dir, err)
				}
				mu.Lock()
				all[path] = e
				mu.Unlock()
			}
		})
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		switch {
		case err != nil:
			return err
		case rel == ".":
			return nil
		case rel == ".syncfs":
			return fs.SkipDir
		}
		paths <- rel
		return nil
	})
	close(paths)
	readers.Wait()
	if err != nil {
		t.Errorf("%s: %v", dir, err)
	}
	return all
}

func readEntry(path string) (entry, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return entry{}, err
	}
	e := entry{mode: info.Mode() &^ (fs.ModeSetuid | fs.ModeSetgid)}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		e.mode = fs.ModeSymlink
		e.content, err = os.Readlink(path)
	case info.Mode().IsRegular():
		e.mtime = info.ModTime()
		var text []byte
		text, err = os.ReadFile(path)
		sum := sha256.Sum256(text)
		e.content = fmt.Sprintf("%d %x", len(text), sum[:8])
	}
	return e, err
}

// wantEqual compares trees by content, mode, mtime and symlink target.
func wantEqual(t *testing.T, nameA string, a tree, nameB string, b tree) {
	t.Helper()
	var differ []string
	for path, e := range a {
		switch other, ok := b[path]; {
		case !ok:
			differ = append(differ, fmt.Sprintf("%s: only %s has it", path, nameA))
		case e.mode != other.mode || e.content != other.content || !e.mtime.Equal(other.mtime):
			differ = append(differ, fmt.Sprintf("%s: %s has %v, %s has %v", path, nameA, e, nameB, other))
		}
	}
	for path := range b {
		if _, ok := a[path]; !ok {
			differ = append(differ, fmt.Sprintf("%s: only %s has it", path, nameB))
		}
	}
	if len(differ) > 0 {
		sort.Strings(differ)
		t.Errorf("%d differences between %s and %s:\n%s", len(differ), nameA, nameB,
			strings.Join(differ[:min(12, len(differ))], "\n"))
	}
}

// WantEqual wants the same tree at all those stations.
func WantEqual(t *testing.T, stations ...*station) tree {
	t.Helper()
	first := readTree(t, stations[0].Dir)
	for _, s := range stations[1:] {
		wantEqual(t, stations[0].Name, first, s.Name, readTree(t, s.Dir))
	}
	return first
}
