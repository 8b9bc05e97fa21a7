package e2e

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Path is where a file of the folder is.
func (s *station) Path(path string) string { return filepath.Join(s.Dir, filepath.FromSlash(path)) }

// must fails the test with an error of a call of a program.
func (s *station) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%s: %v", s.Name, err)
	}
}

// Write writes a file, and makes the directories above it.
func (s *station) Write(path, text string) {
	s.t.Helper()
	s.must(os.MkdirAll(filepath.Dir(s.Path(path)), 0o755))
	s.must(os.WriteFile(s.Path(path), []byte(text), 0o644))
}

// Append adds to the end of a file.
func (s *station) Append(path, text string) {
	s.t.Helper()
	f, err := os.OpenFile(s.Path(path), os.O_WRONLY|os.O_APPEND, 0)
	s.must(err)
	_, err = f.WriteString(text)
	s.must(errors.Join(err, f.Close()))
}

func (s *station) Mkdir(path string)         { s.t.Helper(); s.must(os.MkdirAll(s.Path(path), 0o755)) }
func (s *station) Rename(from, to string)    { s.t.Helper(); s.must(os.Rename(s.Path(from), s.Path(to))) }
func (s *station) Remove(path string)        { s.t.Helper(); s.must(os.Remove(s.Path(path))) }
func (s *station) RemoveAll(path string)     { s.t.Helper(); s.must(os.RemoveAll(s.Path(path))) }
func (s *station) Symlink(target, at string) { s.t.Helper(); s.must(os.Symlink(target, s.Path(at))) }

func (s *station) Chmod(path string, mode fs.FileMode) {
	s.t.Helper()
	s.must(os.Chmod(s.Path(path), mode))
}

// Read is the content of a file.
func (s *station) Read(path string) string {
	s.t.Helper()
	text, err := os.ReadFile(s.Path(path))
	s.must(err)
	return string(text)
}

// Want wants a file with that content.
func (s *station) Want(path, text string) {
	s.t.Helper()
	got, err := os.ReadFile(s.Path(path))
	if err != nil || string(got) != text {
		s.t.Errorf("%s: %s is %q, %v; want %q", s.Name, path, cut(string(got)), err, cut(text))
	}
}

// WantNone wants nothing at path.
func (s *station) WantNone(path string) {
	s.t.Helper()
	if _, err := os.Lstat(s.Path(path)); !errors.Is(err, fs.ErrNotExist) {
		s.t.Errorf("%s: %s is still there (%v)", s.Name, path, err)
	}
}

// WantNames wants exactly those names in a directory.
func (s *station) WantNames(dir string, names ...string) {
	s.t.Helper()
	got := s.Names(dir)
	sort.Strings(names)
	if strings.Join(got, "\n") != strings.Join(names, "\n") {
		s.t.Errorf("%s: %q holds %q, want %q", s.Name, dir, got, names)
	}
}

// Names are those in a directory, without the folder's own .syncfs.
func (s *station) Names(dir string) (names []string) {
	s.t.Helper()
	entries, err := os.ReadDir(s.Path(dir))
	s.must(err)
	for _, e := range entries {
		if e.Name() != ".syncfs" {
			names = append(names, e.Name())
		}
	}
	return names
}

// Both wants a conflict: the name and one copy beside it, with those contents in whichever order. It gives
// the name of the copy.
func (s *station) Both(dir, name string, contents ...string) string {
	s.t.Helper()
	stem := strings.TrimSuffix(name, filepath.Ext(name))
	var found []string
	var copyName string
	for _, n := range s.Names(dir) {
		if n == name || strings.HasPrefix(n, stem+" (conflict ") && filepath.Ext(n) == filepath.Ext(name) {
			found = append(found, s.Read(dir+"/"+n))
			if n != name {
				copyName = n
			}
		}
	}
	sort.Strings(found)
	sort.Strings(contents)
	if strings.Join(found, "\x00") != strings.Join(contents, "\x00") || copyName == "" {
		s.t.Errorf("%s: %s/%s and its copies are %q, want %q; names %q", s.Name, dir, name, found, contents, s.Names(dir))
	}
	return copyName
}

func cut(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}
