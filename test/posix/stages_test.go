package posix

import (
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

// TestReadOnly has the native directory mounted read-only too.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	if rootHere(t) {
		for _, ordinary := range []bool{false, true} {
			s := readOnlyStage(t, ordinary)
			s.play(t, load(t), "readonly")
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
	mount(t, g.program, g.folder, nil, env...)
	names := idsOf(ownerID, ownerID, extraID)
	s := &stage{name: "root", seen: map[*difference]bool{}, native: side{}, mounted: side{}}
	for role, who := range allRoles {
		s.native[role] = newUser(t, g.program, g.native, names, who)
		s.mounted[role] = newUser(t, g.program, g.folder, names, who)
	}
	return s
}

func ordinaryStage(t *testing.T, env ...string) *stage {
	g := newGround(t)
	who, names := ordinary(t)
	g.giveTo(t, who)
	mount(t, g.program, g.folder, who, env...)
	s := &stage{name: "ordinary", seen: map[*difference]bool{}, native: side{}, mounted: side{}}
	for _, role := range []string{"owner", "other"} {
		s.native[role] = newUser(t, g.program, g.native, names, who)
		s.mounted[role] = newUser(t, g.program, g.folder, names, who)
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

// readOnlyStage has a role more: under works below both.
func readOnlyStage(t *testing.T, byUser bool) *stage {
	g := newGround(t)
	who, names := (*syscall.Credential)(nil), idsOf(ownerID, ownerID, extraID)
	if byUser {
		who, names = ordinary(t)
		g.giveTo(t, who)
	}
	s := &stage{name: "readonly", seen: map[*difference]bool{}, native: side{}, mounted: side{}}
	s.native["under"] = newUser(t, g.program, g.native, names, who)
	s.mounted["under"] = newUser(t, g.program, g.folder, names, who)
	bindReadOnly(t, g.native)
	mount(t, g.program, g.folder, who, readOnlyEnv+"=1")
	s.native["readonly"] = newUser(t, g.program, g.native, names, who)
	s.mounted["readonly"] = newUser(t, g.program, g.folder, names, who)
	return s
}

func bindReadOnly(t *testing.T, dir string) {
	t.Helper()
	if err := unix.Mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if err := unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
}

// A ground is where a stage is set up.
type ground struct{ program, native, folder string }

// newGround makes two directories of one filesystem that everybody can reach, and a copy of this program
// that everybody can run.
func newGround(t *testing.T) ground {
	t.Helper()
	base, err := os.MkdirTemp(reachable(t), "syncfs-posix-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raze(t, base) })
	g := ground{filepath.Join(base, "program"), filepath.Join(base, "native"), filepath.Join(base, "folder")}
	for _, dir := range []string{base, g.native, g.folder} {
		os.Mkdir(dir, 0o755)
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	copyProgram(t, g.program)
	return g
}

func copyProgram(t *testing.T, to string) {
	t.Helper()
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, from); err != nil {
		t.Fatal(err)
	}
	if err := out.Chmod(0o755); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// reachable is a directory for temporary ones through which everybody can go.
func reachable(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{os.TempDir(), "/tmp", "/var/tmp"} {
		open := true
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
	t.Fatal("no temporary directory can be reached by all users")
	return ""
}

// raze removes a directory, whatever the modes in it.
func raze(t *testing.T, dir string) {
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			os.Chmod(path, 0o700)
		}
		return nil
	})
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
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
