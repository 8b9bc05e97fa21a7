package disk

import (
	"maps"
	"testing"
)

// What a replica does to its disk to follow another is nothing that it has to tell.
func TestStepsAreNoOperations(t *testing.T) {
	a, b := pair(t)
	a.must(a.mkdir("d"))
	a.must(a.symlink("target", "l"))
	a.must(a.write("f", "1"))
	converge(t, a, b)
	a.must(a.exchange("l", "d"))
	a.must(a.rename("f", "l/f"))
	a.settled()
	b.pull(a)
	b.settled()
	theirs, err := a.tree.Stamp(a.ctx())
	a.must(err)
	ours, err := b.tree.Stamp(b.ctx())
	b.must(err)
	if !maps.Equal(ours, theirs) {
		t.Errorf("knows %v of %v", ours, theirs)
	}
}

// What was a file is a symlink without attributes, whatever somebody else gave the file meanwhile.
func TestFileWithAttributesBecomesSymlink(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "1"))
	converge(t, a, b)
	b.must(b.unlink("f"))
	b.must(b.symlink("nowhere", "f"))
	b.settled()
	a.must(a.setxattr("f", "user.k", "v"))
	converge(t, a, b)
}
