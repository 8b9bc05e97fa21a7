package fusefs

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A directory that a step moves where the kernel has not looked is another node when it is found there. What is in it
// is found by the way that is known then.
func TestBelowWhatWasMovedOutOfSight(t *testing.T) {
	ta := newTable(key{1, 1}, func(*node) {})
	top, below, file, to := key{1, 2}, key{1, 3}, key{1, 4}, key{1, 5}
	was := ta.enter(top, 2, unix.S_IFDIR, link{ta.root, "top"}, true)
	ta.enter(below, 3, unix.S_IFDIR, link{was, "below"}, true)
	ta.enter(file, 4, unix.S_IFREG, link{was, "file"}, true)
	ta.moved(top, link{ta.root, "top"}, link{nil, "top"})

	into := ta.enter(to, 5, unix.S_IFDIR, link{ta.root, "to"}, false)
	now := ta.enter(top, 2, unix.S_IFDIR, link{into, "top"}, false)
	if now == was {
		t.Error("the kernel may go on with what it kept of the directory")
	}
	dir := ta.enter(below, 3, unix.S_IFDIR, link{now, "below"}, false)
	if names, ok := ta.dirNames(dir); !ok || strings.Join(names, "/") != "to/top/below" {
		t.Errorf("the directory below is at %q, %t", names, ok)
	}
	plain := ta.enter(file, 4, unix.S_IFREG, link{now, "file"}, false)
	if path, ok := ta.path(ta.first(plain)); !ok || path != "to/top/file" {
		t.Errorf("the file is at %q, %t", path, ok)
	}
}
