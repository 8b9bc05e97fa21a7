package disk

import (
	"slices"
	"strings"
	"testing"
)

// What a program does to a conflict copy that the journal has no more, since a peer has replaced the content where it came
// from, is done to a file with the attributes that the program has before it.
func TestChangeOfACopyThatIsNoMore(t *testing.T) {
	for what, c := range map[string]struct {
		does func(b *station, copied string) error
		want string // the contents in the end, beside that of the peer and that of the copy it makes
	}{
		"written":   {func(b *station, copied string) error { return b.write(copied, "new") }, "1, new"},
		"renamed":   {func(b *station, copied string) error { return b.rename(copied, "g") }, "1, of a"},
		"replacing": {func(b *station, copied string) error { return b.rename(copied, "other") }, "of a"},
		"linked":    {func(b *station, copied string) error { return b.link(copied, "g") }, "1, of a"},
		"exchanged": {func(b *station, copied string) error { return b.exchange("other", copied) }, "1, of a"},
		"removed":   {func(b *station, copied string) error { return b.unlink(copied) }, "1"},
		"set":       {func(b *station, copied string) error { return b.chmod(copied, 0o640) }, "1"},
	} {
		t.Run(what, func(t *testing.T) {
			a, b := pair(t)
			third := newStation(t, "c").begin().settled()
			a.must(a.write("other", "1"))
			a.must(a.write("f", "1"))
			a.must(a.chmod("f", 0o600))
			a.must(a.setxattr("f", "user.k", "v"))
			converge(t, a, b, third)
			a.must(a.write("f", "of a"))
			third.pull(a)
			b.must(b.write("f", "of b"))
			converge(t, a, b)
			b.want("f", "of b")
			var copied string
			for p := range b.files() {
				if strings.HasPrefix(p, "f (conflict") {
					copied = p
				}
			}
			third.must(third.write("f", "of c"))
			b.folder.brake.hold("until the program is done")
			b.pull(third)
			b.must(c.does(b, copied))
			b.folder.Accept()
			converge(t, a, b, third)
			var l []string
			for p, data := range b.files() {
				x, err := b.XAttrs(p)
				b.must(err)
				y, err := third.XAttrs(p)
				third.must(err)
				if p != "other" && p != copied && (x["user.k"] != "v" || y["user.k"] != "v") {
					t.Errorf("%s has %v at b, %v at c", p, x, y)
				}
				l = append(l, data)
			}
			slices.Sort(l)
			if got := strings.Join(l, ", "); got != c.want+", of b, of c" {
				t.Errorf("ends with %s; want %s, of b, of c", got, c.want)
			}
		})
	}
}
