package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// forUsers runs a story with the stations of root and with those of an ordinary user.
func forUsers(t *testing.T, story func(t *testing.T, a, b *station)) {
	for who, cred := range users(t) {
		t.Run(who, func(t *testing.T) {
			a, b := pairOf(t, cred)
			story(t, a, b)
		})
	}
}

// forUsersApart is forUsers with stations that do not know each other.
func forUsersApart(t *testing.T, story func(t *testing.T, a, b *station)) {
	for who, cred := range users(t) {
		t.Run(who, func(t *testing.T) {
			_, a, b := apartOf(t, cred)
			story(t, a, b)
		})
	}
}

// Whatever the kernel has cached, what a peer has changed is seen once it is in place; a program that watches is told;
// what is open stays what it was.
func TestRemoteChangesAreSeenAtOnce(t *testing.T) {
	forUsers(t, func(t *testing.T, a, b *station) {
		b.shell(`mkdir d; cd d; mkdir sub; echo old > edited; echo old > grown; echo gone > deleted; echo moved > before
			echo m > mode; echo x > xattr; ln -s there link; echo deep > sub/deep; echo away > sub/away`)
		b.Flush()
		w := a.witness()
		for _, q := range []string{"list d", "list d/sub", "read d/edited", "read d/grown", "read d/deleted", "read d/before",
			"stat d/mode", "readlink d/link", "read d/sub/deep", "stat d/new", "stat d/after", "stat d/large", "stat d/newdir",
			"read d/xattr", "xattr d/xattr"} {
			w.ask(q)
		}
		w.ask("open e d/edited")
		w.ask("open g d/deleted")
		w.ask("watch d")
		w.ask("watch d/sub")

		b.shell(`cd d; echo edited > e; mv e edited; echo more >> grown; rm deleted; mv before after; chmod 600 mode
			setfattr -n user.test -v set xattr; ln -sf elsewhere link; echo new > new; mkdir newdir; echo i > newdir/inside
			head -c 3000000 /dev/zero > large; echo deeper > sub/deep; mv sub/away away`)
		b.Flush()
		for _, x := range [][2]string{
			{"list d", "after away edited grown large link mode new newdir sub xattr"},
			{"list d/sub", "deep"},
			{"read d/edited", "edited\n"},
			{"read d/grown", "old\nmore\n"},
			{"stat d/grown", "-rw-r--r-- 9"},
			{"read d/deleted", "error: no such file or directory"},
			{"read d/before", "error: no such file or directory"},
			{"read d/after", "moved\n"},
			{"stat d/mode", "-rw------- 2"},
			{"xattr d/xattr", "set"},
			{"readlink d/link", "elsewhere"},
			{"read d/new", "new\n"},
			{"stat d/large", "-rw-r--r-- 3000000"},
			{"read d/newdir/inside", "i\n"},
			{"read d/sub/deep", "deeper\n"},
			{"read d/away", "away\n"},
			{"stat d/sub/away", "error: no such file or directory"},
			{"reads e", "old\n"}, {"mapped e", "old\n"},
			{"reads g", "gone\n"}, {"mapped g", "gone\n"},
		} {
			if got := w.ask(x[0]); got != x[1] {
				t.Errorf("%s: %q, want %q", x[0], got, x[1])
			}
		}
		told := strings.Split(w.ask("events d"), ", ")
		for _, any := range [][]string{
			{"to edited"}, {"to grown"}, {"from deleted", "delete deleted"}, {"from before"}, {"to after"},
			{"attrib mode"}, {"attrib xattr"}, {"to link", "create link"}, {"to new", "create new"},
			{"to newdir", "create newdir"}, {"to large", "create large"}, {"to away"},
		} {
			if !slices.ContainsFunc(any, func(e string) bool { return slices.Contains(told, e) }) {
				t.Errorf("a program that watches is not told of %q, but of %q", any, told)
			}
		}
		if told := w.ask("events d/sub"); !strings.Contains(told, "to deep") || !strings.Contains(told, "from away") {
			t.Errorf("a program that watches d/sub is told of %q", told)
		}
		a.Flush()
	})
}

// Programs that read a file while versions of it come from a peer see each time one whole version.
func TestNoReadIsTorn(t *testing.T) {
	forUsers(t, func(t *testing.T, a, b *station) {
		version := func(n int) string {
			times := 1000 + n%7*2000 + n%3*100000
			return fmt.Sprintf("yes %08d | head -n %d | tr -d '\\n'", times, times)
		}
		b.shell(version(0) + " > f")
		b.Flush()
		w := a.witness()
		w.ask("spin f")
		for n := range 30 {
			if n%2 == 0 {
				b.shell(version(n) + " > f") // in place
			} else {
				b.shell(version(n) + " > f.new && mv f.new f")
			}
			b.Flush()
		}
		reads := w.ask("still")
		if strings.HasPrefix(reads, "error") {
			t.Errorf("torn: %s", reads)
		}
		t.Logf("%s reads", reads)
		if got, want := w.ask("read f"), b.shell("cat f"); got != want {
			t.Error("at the end it is not the last version")
		}
	})
}

// What a program is writing is not touched by a peer's version: both are there when it has closed the file.
func TestAFileBeingWrittenIsNotTouched(t *testing.T) {
	forUsers(t, func(t *testing.T, a, b *station) {
		b.shell("echo common > f")
		b.Flush()
		w := a.witness()
		w.ask("edit f f")
		w.ask("writes f half")
		b.shell("echo theirs > f.new && mv f.new f")
		if r := b.Try("flush", b.Dir, "--timeout", "1s"); r.status == 0 {
			t.Errorf("flush says that all is done: %s", r.stdout)
		}
		w.ask("writes f +half")
		if got := w.ask("read f"); got != "common\nhalf+half" {
			t.Errorf("the file being written is %q", got)
		}
		w.ask("close f")
		a.FlushAtLast()
		contents := strings.Split(strings.TrimSpace(a.shell(`for f in f*; do cat "$f"; echo; done | grep -v '^$' | sort`)), "\n")
		if want := []string{"common", "half+half", "theirs"}; !slices.Equal(contents, want) {
			t.Errorf("in the folder are %q, want %q", contents, want)
		}
	})
}

// A witness is the program test/witness, in the folder of a station and as its user.
type witness struct {
	s    *station
	tool *dialogue
}

func (s *station) witness() *witness {
	s.t.Helper()
	file, err := buildTool("witness")
	s.must(err)
	d, err := newDialogue(s.t, s, file)
	s.must(err)
	return &witness{s, d}
}

// ask is the answer to a question; an error of the system begins with "error: ".
func (w *witness) ask(question string) string {
	w.s.t.Helper()
	answer, err := w.tool.ask(question)
	if err != nil {
		w.s.t.Fatalf("%s: %s: %v", w.s.Name, question, err)
	}
	return answer
}
