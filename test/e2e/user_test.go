package e2e

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// ordinary is the user that the tests make for themselves where they run as root.
const ordinary = "syncfs-e2e"

// An ordinary user mounts, syncs and unmounts, without any right of root's; root and others are kept out.
func TestAnOrdinaryUser(t *testing.T) {
	a, b := ordinaryPair(t)
	a.shell("mkdir d && echo mine > d/f && ln -s f d/l && chmod 600 d/f")
	a.Flush()
	if got := b.shell("cat d/l && stat -c %a d/f && mv d e && echo more >> e/f"); got != "mine\n600\n" {
		t.Errorf("on b: %q", got)
	}
	b.Flush()
	if got := a.shell("cat e/f"); got != "mine\nmore\n" {
		t.Errorf("on a: %q", got)
	}
	if strings.Contains(a.Run("status", a.Dir), "warning") {
		t.Error(a.Run("status", a.Dir))
	}
	a.Kill()
	a.Mount()
	if got := a.shell("ls e"); got != "f\nl\n" {
		t.Errorf("after a kill: %q", got)
	}
}

// ordinaryPair is pair, of an ordinary user.
func ordinaryPair(t *testing.T) (a, b *station) {
	t.Helper()
	return pairOf(t, users(t)["user"])
}

// pairOf is pair, of a user.
func pairOf(t *testing.T, cred *syscall.Credential) (a, b *station) {
	t.Helper()
	c, a, b := apartOf(t, cred)
	c.Link(a, b)
	return a, b
}

// apartOf is two mounted stations of a user that do not know each other.
func apartOf(t *testing.T, cred *syscall.Credential) (c *cluster, a, b *station) {
	t.Helper()
	c = newCluster(t, embedded)
	a, b = c.Station("a"), c.Station("b")
	for _, s := range []*station{a, b} {
		s.ownedBy(cred)
		s.Mount()
	}
	return c, a, b
}

// shell has the station's user run a line in the folder, and wants status 0.
func (s *station) shell(line string) string {
	s.t.Helper()
	r := s.exec("/bin/sh", "-c", line)
	if r.status != 0 {
		s.t.Fatalf("%s: %s: status %d\n%s%s", s.Name, line, r.status, r.stdout, r.stderr)
	}
	return r.stdout
}

// ownedBy gives a station, and more directories, to a user; nil: whoever runs the tests.
func (s *station) ownedBy(cred *syscall.Credential, dirs ...string) {
	s.t.Helper()
	if s.uid = cred; cred == nil {
		return
	}
	for _, dir := range append(dirs, s.Dir, s.home) {
		s.must(os.Chown(dir, int(cred.Uid), int(cred.Gid)))
	}
}

// users are those who mount: root and an ordinary user, whose mounts differ, or the ordinary user alone who runs
// the tests.
func users(t *testing.T) map[string]*syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return map[string]*syscall.Credential{"user": nil}
	}
	return map[string]*syscall.Credential{"root": nil, "user": credential(t)}
}

// credential is an ordinary user's, who is made for this test.
func credential(t *testing.T) *syscall.Credential {
	t.Helper()
	if _, err := user.Lookup(ordinary); err != nil {
		newTool(t, "useradd", "--system", "--no-create-home", "--shell", "/bin/sh", ordinary).run()
	}
	t.Cleanup(func() { newTool(t, "userdel", ordinary).cmd.Run() })
	u, err := user.Lookup(ordinary)
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	t.Cleanup(func() { os.RemoveAll(filepath.Join(os.TempDir(), "syncfs-"+u.Uid)) })
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
