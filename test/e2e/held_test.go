package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// Most files of a folder that are gone since it was mounted last may be a mishap: their removal is held, and flush and
// status say so. What else changes goes on.
func TestManyFilesGoneAreHeld(t *testing.T) {
	a, b := pair(t)
	for i := range 120 {
		a.Write(fmt.Sprintf("f%d", i), "content")
	}
	a.Flush()
	a.Umount()
	a.Write("new", "new") // before: it would be taken for one that is gone, renamed, if it got its inode number
	for i := range 100 {
		a.Remove(fmt.Sprintf("f%d", i))
	}
	a.Mount()
	const says = "held: a scan found gone"
	r := a.Try("flush", a.Dir)
	if r.status != 3 || strings.Count(r.stderr, says) != 1 {
		t.Errorf("flush: status %d\n%swant 3 and %q, once", r.status, r.stderr, says)
	}
	if r := b.Try("flush", b.Dir); r.status != 3 {
		t.Errorf("flush of the peer: status %d\n%s", r.status, r.stderr)
	}
	if r := a.Try("status", a.Dir); strings.Count(r.stdout, says) != 1 {
		t.Errorf("status:\n%swant %q, once", r.stdout, says)
	}
	b.Want("new", "new")
	b.Want("f0", "content")

	a.Umount() // and put back
	for i := range 100 {
		a.Write(fmt.Sprintf("f%d", i), "content")
	}
	a.Mount()
	a.FlushAtLast()
	b.Flush()
	b.Want("f0", "content")
}
