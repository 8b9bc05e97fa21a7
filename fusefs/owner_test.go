package fusefs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// as runs a shell command as an ordinary user, in the folder at dir.
func as(uid, gid uint32, dir, command string) error {
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, out)
	}
	return nil
}

// TestOwners holds what root's mount makes of several users against the directory underneath.
func TestOwners(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("an ordinary user's mount has one user")
		return
	}
	m := start(t)
	for d := m.dir; d != "/tmp" && d != "/"; d = d[:max(1, lastSlash(d))] {
		m.must(os.Chmod(d, 0o755))
	}
	native := t.TempDir()
	m.must(os.Chmod(native+"/..", 0o755))
	for _, dir := range []string{m.dir, native} {
		m.must(os.Mkdir(dir+"/open", 0o777))
		m.must(os.Mkdir(dir+"/sticky", 0o777|os.ModeSticky))
		m.must(os.Mkdir(dir+"/setgid", 0o777|os.ModeSetgid))
		m.must(os.Mkdir(dir+"/closed", 0o755))
		m.must(os.Chown(dir+"/setgid", 0, 4321))
		m.must(os.WriteFile(dir+"/suid", []byte("x"), 0o777))
		m.must(os.WriteFile(dir+"/mine", []byte("x"), 0o600))
		for _, c := range []string{"open", "sticky", "setgid"} {
			m.must(unix.Chmod(dir+"/"+c, map[string]uint32{"open": 0o777, "sticky": 0o1777, "setgid": 0o2777}[c]))
		}
		m.must(unix.Chmod(dir+"/suid", 0o6777))
		m.must(os.WriteFile(dir+"/sticky/roots", nil, 0o666))
	}
	for _, c := range []string{
		"umask 027; echo x > open/f; mkdir open/d; ln -s x open/l; mkfifo open/p",
		"echo x > setgid/f; mkdir setgid/d",
		"echo x > closed/f",
		"rm -f sticky/roots",
		"echo y >> suid",
		"cat mine",
		"chmod 4755 open/f",
		"chown 0 open/f",
		"mv open/f open/g; ln open/g open/h",
		"echo z > sticky/f; rm sticky/f",
	} {
		errNative, errMount := as(1234, 1234, native, c), as(1234, 1234, m.dir, c)
		if (errNative == nil) != (errMount == nil) {
			t.Errorf("%s: native %v, mount %v", c, errNative, errMount)
		}
	}
	for _, f := range []string{"open/g", "open/d", "open/l", "open/p", "setgid/f", "setgid/d", "suid", "sticky/roots", "closed/f"} {
		if a, b := look(native+"/"+f), look(m.dir+"/"+f); a != b {
			t.Errorf("%s: native %s, mount %s", f, a, b)
		}
	}
}

func lastSlash(p string) int {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] == '/' {
			return i
		}
	}
	return 0
}

func look(path string) string {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%o %d:%d links %d", st.Mode, st.Uid, st.Gid, st.Nlink)
}

func TestUnlinkedStaysOpen(t *testing.T) {
	m := start(t)
	m.write("f", "content")
	held, err := unix.Open(m.path("f"), unix.O_PATH, 0)
	m.must(err)
	defer unix.Close(held)
	f, err := os.OpenFile(m.path("f"), os.O_RDWR, 0)
	m.must(err)
	defer f.Close()
	m.must(os.Remove(m.path("f")))
	_, err = f.WriteAt([]byte("C"), 0)
	m.must(err)
	b := make([]byte, 7)
	if _, err := f.ReadAt(b, 0); err != nil || string(b) != "Content" {
		t.Errorf("reads %q, %v", b, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(held, &st); err != nil || st.Nlink != 0 {
		t.Errorf("held: %d links, %v", st.Nlink, err)
	}
	m.must(f.Chmod(0o600))
	m.must(f.Truncate(3))
	m.write("f", "another")
	m.want("f", "another")

	tmp, err := unix.Open(m.dir, unix.O_TMPFILE|unix.O_RDWR, 0o644)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return
	}
	m.must(err)
	_, err = unix.Write(tmp, []byte("named late"))
	m.must(err)
	m.must(unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", tmp), unix.AT_FDCWD, m.path("late"), unix.AT_SYMLINK_FOLLOW))
	m.must(unix.Close(tmp))
	m.want("late", "named late")
	m.rec.waitSettled(t, "late")
}
