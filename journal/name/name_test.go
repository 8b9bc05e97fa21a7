package name

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"syncfs/journal/version"
)

var noon = version.Timestamp{Time: time.Date(2026, 11, 22, 10, 15, 30, 999, time.UTC).UnixNano(), Replica: "my.host-1"}

func TestConflict(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"report.pdf", "report (conflict 2026-11-22 10.15.30 my.host-1).pdf"},
		{"a.tar.gz", "a.tar (conflict 2026-11-22 10.15.30 my.host-1).gz"},
		{"notes", "notes (conflict 2026-11-22 10.15.30 my.host-1)"},
		{".bashrc", ".bashrc (conflict 2026-11-22 10.15.30 my.host-1)"},
		{".x.conf", ".x (conflict 2026-11-22 10.15.30 my.host-1).conf"},
		{"dot.", "dot (conflict 2026-11-22 10.15.30 my.host-1)."},
		{"a (conflict first).c", "a (conflict 2026-11-22 10.15.30 my.host-1).c"},
		{"v1.2 (conflict 2020-01-02 03.04.05 b.c 7)", "v1 (conflict 2026-11-22 10.15.30 my.host-1).2"},
		{"a (conflict first 3) (conflict first)", "a (conflict 2026-11-22 10.15.30 my.host-1)"},
	} {
		if got := Conflict(c.name, noon, func(string) bool { return false }); got != c.want {
			t.Errorf("%q: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestConflictIsNumberedWhereItIsTaken(t *testing.T) {
	taken := map[string]bool{}
	for _, want := range []string{"a (conflict first).c", "a (conflict first 2).c", "a (conflict first 3).c"} {
		got := Conflict("a.c", version.Timestamp{Rank: 1}, func(s string) bool { return taken[s] })
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		taken[got] = true
	}
}

func TestFamily(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"a.c", "a.c"},
		{"a (conflict first).c", "a.c"},
		{"a.b (conflict first)", "a.b"},
		{".c (conflict first)", ".c"},
		{"a (conflict 2026-11-22 10.15.30 h 2)", "a"},
		{"a (conflict 2026-11-22 10.15.30 2)", "a"}, // of a replica called 2
		{"a (conflict 2026-11-22 10.15.30 x.y).c", "a.c"},
		// what a user may have written
		{" (conflict first).c", " (conflict first).c"},
		{"a (conflict firstly).c", "a (conflict firstly).c"},
		{"a (conflict first 1).c", "a (conflict first 1).c"},
		{"a (conflict first 02).c", "a (conflict first 02).c"},
		{"a (conflict 2026-13-22 10.15.30 h).c", "a (conflict 2026-13-22 10.15.30 h).c"},
		{"a (conflict 2026-11-22 10.15.30 two words).c", "a (conflict 2026-11-22 10.15.30 two words).c"},
		{"a (conflict of interest).c", "a (conflict of interest).c"},
		{"a (conflict first).c d.e", "a (conflict first).c d.e"},
	} {
		if got := Family(c.name); got != c.want {
			t.Errorf("%q: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestLongNamesAreCutBetweenCharacters(t *testing.T) {
	long := strings.Repeat("ü", 125) + ".text"
	got := Conflict(long, noon, func(string) bool { return false })
	if len(got) > maxName || !utf8.ValidString(got) || !strings.HasPrefix(got, "üüü") || !strings.HasSuffix(got, ").text") {
		t.Errorf("got %q", got)
	}
}

// names are made of what Family looks for.
func names() *rapid.Generator[string] {
	part := rapid.OneOf(
		rapid.SampledFrom([]string{
			"a", ".", " ", ")", "(", open, first, " (conflict first)", " (conflict first 2)", " 2", ".txt",
			" (conflict 2026-11-22 10.15.30 h)", " (conflict 2026-11-22 10.15.30 my.host 12)", "2026-11-22 10.15.30 ",
			strings.Repeat("x", 60), strings.Repeat("é", 30), "\x80\x80\x80\x80\x80",
		}),
		rapid.StringMatching(`[ -~]{1,12}`),
	)
	return rapid.Custom(func(t *rapid.T) string {
		n := strings.Join(rapid.SliceOfN(part, 1, 12).Draw(t, "parts"), "")
		return strings.ReplaceAll(n[:min(len(n), maxName)], "/", "_")
	})
}

func TestConflictNamesStayInTheirFamily(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := names().Draw(t, "name")
		ts := version.Timestamp{
			Time:    rapid.Int64Range(0, 1<<63-1).Draw(t, "time"),
			Replica: rapid.StringMatching(`[A-Za-z0-9._-]{0,32}`).Draw(t, "replica"),
		}
		taken := map[string]bool{}
		for range rapid.SampledFrom([]int{1, 3, 12}).Draw(t, "times") {
			c := Conflict(n, ts, func(s string) bool { return taken[s] })
			switch {
			case Family(c) != Family(n):
				t.Fatalf("%q is of family %q, but %q of %q", c, Family(c), n, Family(n))
			case len(c) > maxName:
				t.Fatalf("%q has %d bytes", c, len(c))
			case !Marked(c):
				t.Fatalf("%q has no mark that is seen", c)
			case taken[c]:
				t.Fatalf("%q is taken", c)
			case Family(Family(n)) != Family(n):
				t.Fatalf("%q has a family of its own: %q", Family(n), Family(Family(n)))
			}
			taken[c] = true
		}
	})
}

func TestLongestMarkFits(t *testing.T) {
	ts := version.Timestamp{Time: 1<<63 - 1, Replica: strings.Repeat("r", version.MaxReplica)}
	n := 0
	c := Conflict(strings.Repeat("n", maxName), ts, func(string) bool { n++; return n < 999_999 })
	if len(c) != maxName || !strings.HasSuffix(c, " 999999)") || Family(c) != strings.Repeat("n", maxFamily) {
		t.Errorf("%d bytes: %q", len(c), c)
	}
}

func TestCheck(t *testing.T) {
	for n, ok := range map[string]bool{
		"a": true, "...": true, ".syncfs": true, "\xff": true, strings.Repeat("a", 255): true,
		"": false, ".": false, "..": false, "a/b": false, "a\x00": false, strings.Repeat("a", 256): false,
	} {
		if err := Check(n); (err == nil) != ok {
			t.Errorf("%q: %v", n, err)
		}
	}
	for n, ok := range map[string]bool{
		"laptop": true, "A.b_c-9": true, strings.Repeat("a", 32): true,
		"": false, "a b": false, "é": false, "a/b": false, strings.Repeat("a", 33): false,
	} {
		if err := CheckReplica(n); (err == nil) != ok {
			t.Errorf("replica %q: %v", n, err)
		}
	}
}

func FuzzFamily(f *testing.F) {
	f.Add("a (conflict first).c")
	f.Add("a (conflict 2026-11-22 10.15.30 h 2)")
	f.Fuzz(func(t *testing.T, n string) {
		if Check(n) != nil {
			return
		}
		c := Conflict(n, noon, func(string) bool { return false })
		if Family(c) != Family(n) || Check(c) != nil {
			t.Errorf("%q of family %q, %q of family %q", n, Family(n), c, Family(c))
		}
	})
}

func BenchmarkFamily(b *testing.B) {
	for b.Loop() {
		Family("a plain name.txt")
	}
}
