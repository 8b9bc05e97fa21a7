package fusefs

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"syncfs/journal/change"
)

// A shadow is a tree of names kept by what is recorded alone: path to whether it is a directory.
type shadow map[string]bool

func (s shadow) apply(c change.Change) error {
	_, have := s[c.Path]
	_, parent := s[filepath.Dir("/" + c.Path)[1:]]
	missing := fmt.Errorf("%s", strings.TrimSpace(show([]change.Change{c})))
	switch c.Kind {
	case change.Create, change.Mkdir:
		if have || !parent && strings.Contains(c.Path, "/") {
			return missing
		}
		s[c.Path] = c.Kind == change.Mkdir
	case change.Unlink, change.Rmdir:
		if !have {
			return missing
		}
		delete(s, c.Path)
	case change.Rename:
		if !have {
			return missing
		}
		delete(s, c.To)
		s.move(c.Path, c.To)
	case change.Exchange:
		if _, other := s[c.To]; !have || !other {
			return missing
		}
		s.move(c.Path, "\x00")
		s.move(c.To, c.Path)
		s.move("\x00", c.To)
	case change.Settled, change.Dirty:
		if !have {
			return missing
		}
	}
	return nil
}

func (s shadow) move(from, to string) {
	for p, dir := range s {
		if p == from || strings.HasPrefix(p, from+"/") {
			delete(s, p)
			s["\x01"+to+p[len(from):]] = dir
		}
	}
	for p, dir := range s {
		if p[0] == 1 {
			delete(s, p)
			s[p[1:]] = dir
		}
	}
}

func (s shadow) String() string {
	var all []string
	for p, dir := range s {
		if dir {
			p += "/"
		}
		all = append(all, p)
	}
	sort.Strings(all)
	return strings.Join(all, "\n")
}

// TestStorm has programs rename, make and remove at once, and replays what was recorded.
func TestStorm(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	m := start(t)
	var all sync.WaitGroup
	for w := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, w))
		all.Go(func() {
			for range 600 {
				m.random(r)
			}
		})
	}
	all.Wait()
	seen := shadow{}
	m.must(filepath.WalkDir(m.dir, func(p string, e fs.DirEntry, err error) error {
		if err == nil && p != m.dir {
			seen[p[len(m.dir)+1:]] = e.IsDir()
		}
		return err
	}))
	told := shadow{}
	for i, c := range m.rec.take() {
		if err := told.apply(c); err != nil {
			t.Fatalf("change %d is impossible: %v", i, err)
		}
	}
	if told.String() != seen.String() {
		t.Errorf("recorded:\n%s\nseen:\n%s", told, seen)
	}
}

// random does something somewhere in a small tree; most of it fails.
func (t *tester) random(r *rand.Rand) {
	name := func() string {
		p := t.dir
		for range 1 + r.IntN(3) {
			p = filepath.Join(p, string(rune('a'+r.IntN(3))))
		}
		return p
	}
	var err error
	switch r.IntN(8) {
	case 0, 1:
		err = os.Mkdir(name(), 0o755)
	case 2, 3:
		err = os.WriteFile(name(), []byte("x"), 0o644)
	case 4:
		err = os.Remove(name())
	case 5, 6:
		err = os.Rename(name(), name())
	case 7:
		err = unix.Renameat2(unix.AT_FDCWD, name(), unix.AT_FDCWD, name(), unix.RENAME_EXCHANGE)
	}
	var errno unix.Errno
	if errors.As(err, &errno) {
		switch errno {
		case unix.ESTALE, unix.EIO, unix.ENOSYS, unix.EPERM:
			t.Errorf("%v", err)
		}
	}
}
