package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
)

func TestAFolderThatHasFilesIsTakenIn(t *testing.T) {
	c := newCluster(t, embedded)
	a, b := c.Station("a"), c.Station("b")
	a.Write("docs/letter", "dear")
	a.Symlink("letter", "docs/link")
	a.Chmod("docs/letter", 0o640)
	a.Write("same", "equal on both")
	b.Write("same", "equal on both")
	a.Write("differs", "on a")
	b.Write("differs", "on b")
	b.Write("docs/other", "from b")
	a.Mount()
	b.Mount()
	c.Link(a, b)
	a.Flush()
	WantEqual(t, a, b)
	a.WantNames("docs", "letter", "link", "other")
	a.Both("", "differs", "on a", "on b")
	if names := a.Names(""); len(names) != 4 {
		t.Errorf("names are %q", names)
	}
}

func TestChangesMadeWhileUnmountedAreTakenIn(t *testing.T) {
	a, b := pair(t)
	a.Write("edited", "before")
	a.Write("removed", "r")
	a.Write("kept", "k")
	a.Write("dir/inside", "i")
	a.Flush()
	b.Umount()
	b.Write("edited", "while unmounted, and longer")
	b.Remove("removed")
	b.Write("new", "n")
	b.Rename("dir", "moved")
	a.Write("kept", "k, edited on a")
	b.Mount()
	b.Flush()
	WantEqual(t, a, b)
	a.WantNames("", "edited", "kept", "moved", "new")
	a.Want("edited", "while unmounted, and longer")
	a.Want("kept", "k, edited on a")
	a.Want("moved/inside", "i")
}

func TestAnUnmountedFolderIsServedThroughOpenSSH(t *testing.T) {
	s := newCluster(t, openSSH).Mounted("a", "b")
	a, b := s[0], s[1]
	a.Write("x", "1")
	a.Flush()
	b.Umount()
	b.Write("y", "written in the plain folder")
	a.Append("x", "2")
	a.Flush()
	b.Want("x", "12")
	a.Want("y", "written in the plain folder")
	WantEqual(t, a, b)
}

func TestTheFolderOfTheStateIsHidden(t *testing.T) {
	a := newCluster(t, embedded).Mounted("a")[0]
	a.WantNone(".syncfs")
	a.WantNames("")
	if err := os.Mkdir(a.Path(".syncfs"), 0o755); err == nil {
		t.Error("mkdir .syncfs worked")
	}
	a.Write("x", "x")
	if err := os.Rename(a.Path("x"), a.Path(".syncfs")); err == nil {
		t.Error("rename to .syncfs worked")
	}
	if _, err := os.ReadFile(a.Path(".syncfs/key")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the private key through the mount: %v", err)
	}
	a.Umount()
	if _, err := os.ReadFile(a.Path(".syncfs/key")); err != nil {
		t.Errorf("the private key in the plain folder: %v", err)
	}
}

func TestAFlushWaitsForTheScanOfAPeer(t *testing.T) {
	a, b := pair(t)
	b.Write("old", "gone soon")
	b.Flush()
	b.Umount()
	b.Remove("old")
	for i := range 1500 {
		b.Write(fmt.Sprintf("unseen/%d/%d", i%20, i), fmt.Sprint("while nobody looked ", i))
	}
	b.Mount()
	a.Flush()
	WantEqual(t, a, b)
	a.WantNames("", "unseen")
}
