package posix

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The numbers of those who take part where root runs the test. No account is needed; but an ordinary
// user who mounts must have one: nobody, whom all systems know.
const (
	ownerID    = 4201
	extraID    = 4202 // a group that the owner is in too
	memberID   = 4203 // in the owner's group
	strangerID = 4204
	nobodyID   = 65534
)

// allRoles are the users of root's mount.
var allRoles = map[string]*syscall.Credential{
	"root":     {},
	"other":    {},
	"owner":    {Uid: ownerID, Gid: ownerID, Groups: []uint32{ownerID, extraID}},
	"member":   {Uid: memberID, Gid: memberID, Groups: []uint32{memberID, ownerID}},
	"stranger": {Uid: strangerID, Gid: strangerID},
}

func idsOf(owner, group, extra int) ids {
	all := ids{"root": 0, "group-root": 0, "owner": owner, "group-owner": group}
	for name, id := range map[string]int{"member": memberID, "stranger": strangerID} {
		all[name], all[groupPrefix+name] = id, id
	}
	if extra >= 0 {
		all[groupPrefix+"extra"] = extra
	}
	return all
}

// TestRoot is root's own mount, which lets all users in.
func TestRoot(t *testing.T) {
	t.Parallel()
	if rootHere(t) {
		s := rootStage(t)
		s.play(t, load(t), "root")
		s.play(t, load(t), "owner")
		s.allSeen(t, "root", "owner")
	}
}

// TestOrdinary is the mount of a user without any right of root's.
func TestOrdinary(t *testing.T) {
	t.Parallel()
	s := ordinaryStage(t)
	s.play(t, load(t), "owner")
	s.allSeen(t, "owner")
}

// Some deadlocks show only where one thread does all.
func TestOnOneProcessor(t *testing.T) {
	t.Parallel()
	if rootHere(t) {
		rootStage(t, "GOMAXPROCS=1").play(t, load(t), "owner")
	}
	ordinaryStage(t, "GOMAXPROCS=1").play(t, load(t), "owner")
}

// TestJournaled has all that programs do journaled, which they must not see.
func TestJournaled(t *testing.T) {
	t.Parallel()
	if rootHere(t) {
		rootStage(t, journalEnv+"=1").play(t, load(t), "owner")
	}
	ordinaryStage(t, journalEnv+"=1").play(t, load(t), "owner")
}

// TestReadOnly has the native directory mounted read-only too.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	if rootHere(t) {
		for _, byUser := range []bool{false, true} {
			readOnlyStage(t, byUser).play(t, load(t), "readonly")
		}
	}
}

// TestFull has directories with little room.
func TestFull(t *testing.T) {
	t.Parallel()
	if rootHere(t) {
		for _, byUser := range []bool{false, true} {
			fullStage(t, byUser).play(t, load(t), "full")
		}
	}
}

func rootHere(t *testing.T) bool {
	if os.Geteuid() != 0 {
		t.Log("only root has such a mount")
		return false
	}
	return true
}

func rootStage(t *testing.T, env ...string) *stage {
	g := newGround(t)
	mount(t, program, g.folder, nil, env...)
	names := idsOf(ownerID, ownerID, extraID)
	s := &stage{name: "root", extra: true, apart: g.apart, seen: map[*difference]bool{}, native: side{}, mounted: side{}}
	for role, who := range allRoles {
		s.native[role] = newUser(t, program, g.native, names, who)
		s.mounted[role] = newUser(t, program, g.folder, names, who)
	}
	return s
}

func ordinaryStage(t *testing.T, env ...string) *stage {
	g := newGround(t)
	who, names := ordinary(t)
	g.giveTo(t, who)
	mount(t, program, g.folder, who, env...)
	_, extra := names[groupPrefix+"extra"]
	s := &stage{name: "ordinary", extra: extra, apart: g.apart, seen: map[*difference]bool{}, native: side{}, mounted: side{}}
	for _, role := range []string{"owner", "other"} {
		s.native[role] = newUser(t, program, g.native, names, who)
		s.mounted[role] = newUser(t, program, g.folder, names, who)
	}
	return s
}

// ordinary is the user who mounts: this one, or nobody if this is root.
func ordinary(t *testing.T) (*syscall.Credential, ids) {
	t.Helper()
	if os.Geteuid() == 0 {
		return &syscall.Credential{Uid: nobodyID, Gid: nobodyID, Groups: []uint32{nobodyID, extraID}},
			idsOf(nobodyID, nobodyID, extraID)
	}
	extra := -1
	groups, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		if g != os.Getgid() {
			extra = g
		}
	}
	return nil, idsOf(os.Getuid(), os.Getgid(), extra)
}

// fullStage has directories with little room.
func fullStage(t *testing.T, byUser bool) *stage {
	g := newGround(t)
	who, names := (*syscall.Credential)(nil), idsOf(ownerID, ownerID, extraID)
	for _, dir := range []string{g.native, g.folder} {
		if err := unix.Mount("posix", dir, "tmpfs", 0, "size=1m,nr_inodes=60"); err != nil {
			t.Fatal(err)
		}
		unmountInTheEnd(t, dir)
	}
	if byUser {
		who, names = ordinary(t)
		g.giveTo(t, who)
	}
	mount(t, program, g.folder, who)
	return &stage{name: "full", apart: g.apart, seen: map[*difference]bool{},
		native:  side{"full": newUser(t, program, g.native, names, who)},
		mounted: side{"full": newUser(t, program, g.folder, names, who)}}
}

func unmountInTheEnd(t *testing.T, dir string) {
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// readOnlyStage has a role more: under works below both.
func readOnlyStage(t *testing.T, byUser bool) *stage {
	g := newGround(t)
	who, names := (*syscall.Credential)(nil), idsOf(ownerID, ownerID, extraID)
	if byUser {
		who, names = ordinary(t)
		g.giveTo(t, who)
	}
	s := &stage{name: "readonly", apart: g.apart, seen: map[*difference]bool{}, native: side{}, mounted: side{}}
	s.native["under"] = newUser(t, program, g.native, names, who)
	s.mounted["under"] = newUser(t, program, g.folder, names, who)
	bindReadOnly(t, g.native)
	mount(t, program, g.folder, who, readOnlyEnv+"=1")
	s.native["readonly"] = newUser(t, program, g.native, names, who)
	s.mounted["readonly"] = newUser(t, program, g.folder, names, who)
	return s
}

func bindReadOnly(t *testing.T, dir string) {
	t.Helper()
	if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	unmountInTheEnd(t, dir)
	if err := unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
}

// A ground is where a stage is set up: two directories of one filesystem that everybody can reach.
type ground struct {
	native, folder string
	apart          map[string]bool // directories of cases that are known to differ
}

func newGround(t *testing.T) ground {
	t.Helper()
	dir, err := os.MkdirTemp(base, "ground-")
	if err != nil {
		t.Fatal(err)
	}
	g := ground{filepath.Join(dir, "native"), filepath.Join(dir, "folder"), map[string]bool{}}
	t.Cleanup(func() { g.compareUnder(t) })
	for _, dir := range []string{g.native, g.folder} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{dir, g.native, g.folder} {
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func copyProgram(to string) error {
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer from.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, from)
	return errors.Join(err, out.Chmod(0o755), out.Close())
}

// reachable is a directory for temporary ones through which everybody can go, and on a disk: the table says what
// the filesystems of disks do.
func reachable() string {
	for _, dir := range []string{os.TempDir(), "/tmp"} {
		var on unix.Statfs_t
		open := unix.Statfs(dir, &on) == nil && on.Type != unix.TMPFS_MAGIC
		for d := dir; ; d = filepath.Dir(d) {
			st, err := os.Stat(d)
			open = open && err == nil && st.Mode()&1 != 0
			if d == filepath.Dir(d) {
				break
			}
		}
		if open {
			return dir
		}
	}
	return "/var/tmp"
}

// raze removes a directory, whatever the modes in it.
func raze(dir string) error {
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// giveTo makes a user the owner of both directories.
func (g ground) giveTo(t *testing.T, who *syscall.Credential) {
	t.Helper()
	for _, dir := range []string{g.native, g.folder} {
		if who == nil {
			return
		}
		if err := os.Chown(dir, int(who.Uid), int(who.Gid)); err != nil {
			t.Fatal(err)
		}
	}
}
