package e2e

import (
	"os"
	"strings"
	"testing"
)

// The disk has no block left, and programs go on until the journal can take no more: the mount stays, flush and status say
// why, and what is not in the journal goes there when there is room.
func TestAJournalWithNoRoomAtAll(t *testing.T) {
	if os.Getuid() != 0 { // who can't have a small disk
		return
	}
	c := newCluster(t, embedded)
	a := c.Station("a")
	b, _ := c.StationOn("size=24m", "b")
	a.Mount()
	b.Mount()
	c.Link(a, b)
	b.shell("mkdir d; echo content > kept; echo content > d/one")
	b.Flush()
	if r := b.exec("/bin/sh", "-c", "cat /dev/zero > ballast"); r.status == 0 || !strings.Contains(r.stderr, "No space left on device") {
		t.Errorf("a write with no room: status %d, %s", r.status, r.stderr)
	}
	names := [2]string{b.Path("d/one"), b.Path("d/two")}
	renamed := 0
	isFull := func() bool {
		for range 1000 {
			b.must(os.Rename(names[renamed%2], names[1-renamed%2]))
			renamed++
		}
		for _, p := range b.Status().Problems {
			if p.Path == ".syncfs/journal" && strings.Contains(p.What, "no space left on device: make room") {
				return true
			}
		}
		return false
	}
	if !until(patience, isFull) {
		t.Fatalf("after %d renames the journal is not full: %+v", renamed, b.Status())
	}
	for _, s := range []*station{b, a} {
		if r := s.Try("flush", s.Dir); r.status != 3 || !strings.Contains(r.stderr, "no space left on device") {
			t.Errorf("a flush on %s ends with status %d: %s", s.Name, r.status, r.stderr)
		}
	}
	b.shell("cat kept; mv kept renamed; rm ballast; echo more > more")
	b.FlushAtLast()
	WantEqual(t, a, b)
	if got := a.shell("cat renamed more"); got != "content\nmore\n" {
		t.Errorf("a has %q", got)
	}
}
