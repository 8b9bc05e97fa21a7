package disk

import (
	"testing"

	"syncfs/journal/change"
)

// A peer has moved a file and removed it, while a program writes it here: it stays where it was. A new file that gets the
// name which it had at last is another, and is removed as such.
func TestNewAtTheNameOfOneThatIsWritten(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "old"))
	converge(t, a, b)
	b.must(b.rename("f", "d"))
	b.must(b.unlink("d"))
	b.settled()
	a.names.Lock()
	a.note(change.Change{Kind: change.Dirty, Path: "f"})
	a.names.Unlock()
	a.pull(b)
	a.busy.Store("d", true) // stays where it is
	a.must(a.write("d", "new"))
	a.must(a.folder.taken(a.ctx()))
	a.must(a.write("f", "written"))
	a.must(a.folder.taken(a.ctx()))
	a.must(a.unlink("d"))
	a.busy.Delete("d")
	converge(t, a, b)
	for _, s := range []*station{a, b} {
		s.want("d", "written")
		if n := s.wants(); n != 0 || len(s.files()) != 1 {
			t.Errorf("%s: %d contents are wanted; %q", s.name, n, s.files())
		}
	}
}
