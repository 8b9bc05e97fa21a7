package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// Stations C1 (laptop; F1, F2, F3), C2 (home; F4), C3 (work; none). C1 and C2 sync; C2 goes off; C1 and C3
// sync; F5 is made on C3 and reaches C1; at home C1 and C2 sync and F5 is edited on C2. C2 and C3 never meet.
func TestThreeStations(t *testing.T) {
	overBoth(t, func(t *testing.T, via transport) {
		c := newCluster(t, via)
		c1, c2, c3 := threeStations(c)
		c1.Write("F1", "one")
		c1.Write("F2", "two")
		c1.Write("F3", "three")
		c2.Write("F4", "four")
		c1.Sync(c2)
		c2.Umount()
		c1.Sync(c3)
		c3.WantNames("", "F1", "F2", "F3", "F4")
		c3.Write("F5", "made at work")
		c3.Sync(c1)
		c1.Want("F5", "made at work")
		c2.Mount()
		c2.Sync(c1)
		c2.Append("F5", ", edited at home")
		c1.Sync(c2)
		c1.Sync(c3)
		for _, s := range []*station{c1, c2, c3} {
			s.WantNames("", "F1", "F2", "F3", "F4", "F5")
			s.Want("F5", "made at work, edited at home")
		}
		WantEqual(t, c1, c2, c3)

		// Then: delete, rename of a directory, edits on one while another is off, all carried.
		c2.Umount()
		c3.Write("papers/2026/draft", "first")
		c3.Write("papers/notes", "notes")
		c3.Symlink("2026/draft", "papers/current")
		c3.Chmod("papers/notes", 0o600)
		c3.Remove("F1")
		c3.Sync(c1)
		c1.Rename("papers", "articles")
		c1.Write("articles/2026/draft", "second")
		c1.Remove("F2")
		c2.Mount()
		c2.Write("F3", "three, at home")
		c2.Sync(c1)
		c1.Sync(c3)
		c1.Sync(c2)
		for _, s := range []*station{c1, c2, c3} {
			s.WantNames("", "F3", "F4", "F5", "articles")
			s.WantNames("articles", "2026", "current", "notes")
			s.Want("articles/current", "second")
			s.Want("F3", "three, at home")
			if n := s.Status().Conflicts; n != 0 {
				t.Errorf("%s: %d conflicts", s.Name, n)
			}
		}
		WantEqual(t, c1, c2, c3)
	})
}

// threeStations are C1, C2 and C3 of the paper: C2 and C3 do not know one another.
func threeStations(c *cluster) (c1, c2, c3 *station) {
	c1, c2, c3 = c.Station("C1"), c.Station("C2"), c.Station("C3")
	for _, s := range []*station{c1, c2, c3} {
		s.Mount()
	}
	c.Link(c1, c2)
	c.Link(c1, c3)
	return c1, c2, c3
}

// Stations A, B, C, D with files 1, 2, 3, 4. A syncs with B, then C, then D; then B syncs with A, C, D.
func TestFourStations(t *testing.T) {
	overBoth(t, func(t *testing.T, via transport) {
		s := newCluster(t, via).Mounted("A", "B", "C", "D")
		a, b, c, d := s[0], s[1], s[2], s[3]
		a.Write("1", "of A")
		b.Write("2", "of B")
		c.Write("3", "of C")
		d.Write("4", "of D")
		a.Sync(b, c, d)
		a.WantNames("", "1", "2", "3", "4")
		b.WantNames("", "1", "2")
		c.WantNames("", "1", "2", "3")
		d.WantNames("", "1", "2", "3", "4")
		b.Sync(a, c, d)
		for _, x := range s {
			x.WantNames("", "1", "2", "3", "4")
		}
		WantEqual(t, a, b, c, d)
	})
}

// The first example with a real source tree as data: each file of the paper is a part of Go's own source.
func TestThreeStationsWithGoSource(t *testing.T) {
	overBoth(t, func(t *testing.T, via transport) {
		parts := goSource(t, 5)
		c := newCluster(t, via)
		c1, c2, c3 := threeStations(c)
		c1.CopyIn(parts[0], "F1")
		c1.CopyIn(parts[1], "F2")
		c1.CopyIn(parts[2], "F3")
		c2.CopyIn(parts[3], "F4")
		c1.Sync(c2)
		c2.Umount()
		c1.Sync(c3)
		c3.CopyIn(parts[4], "F5")
		c3.Sync(c1)
		c2.Mount()
		c2.Sync(c1)
		c2.Rename("F5", "F5 at home")
		c1.Sync(c2)
		c1.Sync(c3)
		WantEqual(t, c1, c2, c3)
		c3.WantNames("", "F1", "F2", "F3", "F4", "F5 at home")
	})
}

// The second example likewise: folders that had files before they became replicas.
func TestFourStationsWithGoSource(t *testing.T) {
	overBoth(t, func(t *testing.T, via transport) {
		parts := goSource(t, 4)
		c := newCluster(t, via)
		var s []*station
		for i, name := range []string{"A", "B", "C", "D"} {
			x := c.Station(name)
			x.CopyIn(parts[i], string(rune('1'+i)))
			x.Mount()
			for _, other := range s {
				c.Link(x, other)
			}
			s = append(s, x)
		}
		s[0].Sync(s[1], s[2], s[3])
		s[1].Sync(s[0], s[2], s[3])
		for _, x := range s {
			x.WantNames("", "1", "2", "3", "4")
		}
		WantEqual(t, s...)
	})
}

// goSource deals the directories of Go's own source into n parts.
func goSource(t *testing.T, n int) [][]string {
	t.Helper()
	src := filepath.Join(goRoot(t), "src")
	entries, err := os.ReadDir(src)
	if err != nil {
		t.Fatal(err)
	}
	parts := make([][]string, n)
	for i, e := range entries {
		parts[i%n] = append(parts[i%n], filepath.Join(src, e.Name()))
	}
	return parts
}

// goRoot is where the Go that runs the tests has its source.
func goRoot(t *testing.T) string {
	t.Helper()
	return newTool(t, "go", "env", "GOROOT").output()
}

// CopyIn copies files and directories, as they are, into a new directory.
func (s *station) CopyIn(from []string, to string) {
	s.t.Helper()
	s.Mkdir(to)
	newTool(s.t, "cp", append(append([]string{"-a"}, from...), s.Path(to))...).run()
}
