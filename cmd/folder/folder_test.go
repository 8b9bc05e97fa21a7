package folder

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestReadMounts(t *testing.T) {
	const table = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
90 22 0:50 / /home/u/My\040Sync rw,nosuid,nodev - fuse.syncfs syncfs rw,user_id=1000,group_id=1000
91 22 0:51 / /mnt/other rw - fuse.sshfs h:/ rw,user_id=0,group_id=0
92 22 0:52 / /srv/a\134b rw shared:3 master:2 - fuse.syncfs syncfs rw,user_id=0,group_id=0,allow_other
short
`
	got, err := readMounts(strings.NewReader(table))
	want := []Mount{{Dir: "/home/u/My Sync", UID: 1000}, {Dir: `/srv/a\b`, UID: 0}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func TestFindByState(t *testing.T) {
	dir := must(resolve(t.TempDir()))
	inside := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(inside); !errors.Is(err, ErrNone) {
		t.Fatalf("before there is a replica: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, State), 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(inside, link); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{dir, inside, link} {
		f, err := Find(from)
		if err != nil || f.Dir != dir || f.Mounted || !f.Replica {
			t.Errorf("Find(%s) = %+v, %v", from, f, err)
		}
	}
	t.Chdir(inside)
	if f, err := Find(""); err != nil || f.Dir != dir {
		t.Errorf("from the working directory: %+v, %v", f, err)
	}
}

func TestFindOrMake(t *testing.T) {
	dir := must(resolve(t.TempDir()))
	t.Chdir(dir)
	f, err := FindOrMake("")
	if err != nil || f.Dir != dir || !f.Replica {
		t.Fatalf("made: %+v, %v", f, err)
	}
	if info, err := os.Stat(filepath.Join(dir, State)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	if again, err := FindOrMake(dir); err != nil || again != f {
		t.Errorf("found again: %+v, %v", again, err)
	}
	home := must(resolve(t.TempDir()))
	t.Setenv("HOME", home)
	t.Chdir(home)
	if f, _ := FindOrMake(""); f.Dir == home {
		t.Error("the home directory was made a replica in passing")
	}
}

func TestOnly(t *testing.T) {
	me := os.Getuid()
	one := []Mount{{Dir: "/x/one", UID: me}, {Dir: "/x/theirs", UID: me + 1}}
	if f, err := only("/", one); err != nil || f.Dir != "/x/one" || !f.Mounted {
		t.Errorf("one of mine: %+v, %v", f, err)
	}
	two := append(one, Mount{Dir: "/x/two", UID: me})
	if _, err := only("/", two); !errors.Is(err, ErrMany) || !strings.Contains(err.Error(), "/x/one, /x/two") {
		t.Errorf("two of mine: %v", err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
