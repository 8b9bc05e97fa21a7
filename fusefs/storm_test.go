package fusefs

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"syncfs/journal/change"
)

// A shadow is a tree of names kept by what is recorded alone: path to whether it is a directory.
type shadow map[string]bool

func (s shadow) apply(c change.Change) error {
	_, have := s[c.Path]
	_, parent := s[filepath.Dir("/" + c.Path)[1:]]
	missing := fmt.Errorf("%s", strings.TrimSpace(show([]change.Change{c})))
	switch c.Kind {
	case change.Link:
		if _, have = s[c.To]; have {
			return missing
		}
		s[c.To] = false
	case change.Create, change.Mkdir, change.Symlink:
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

// TestStorm has programs do random things in a tree at once, and replays what was recorded.
func TestStorm(t *testing.T) {
	m := start(t)
	m.randomly("tree", "-ops", "4000", m.path("t"))
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

// TestFileAgainstShadow does random things to a file that is compared with what it should hold.
func TestFileAgainstShadow(t *testing.T) {
	m := start(t)
	m.randomly("file", "-ops", "3000", m.path("f"))
	m.rec.wait(t, "the last change", func(c change.Change) bool {
		return c.Kind == change.Settled && len(m.Writers()) == 0
	})
	under, err := os.ReadFile(m.under + "/f")
	m.must(err)
	m.want("f", string(under))
}

// randomly runs test/random.
func (t *tester) randomly(args ...string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "random")
	for _, cmd := range []*exec.Cmd{exec.Command("go", "build", "-o", program, "syncfs/test/random"), exec.Command(program, args...)} {
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
	}
}
