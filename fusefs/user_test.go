package fusefs

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fusectl is where the kernel has a directory for each connection.
const fusectl = "/sys/fs/fuse/connections"

// The tests that look at what the kernel keeps and writes back, in the other mode of the mount too: as an ordinary user.
func TestAsAnOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("this is one")
		return
	}
	if l, err := os.ReadDir(fusectl); err != nil || len(l) == 0 {
		exec.Command("mount", "-t", "fusectl", "none", fusectl).Run()
	}
	const nobody = 65534
	dir := t.TempDir()
	for d := dir; d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	own, program := dir+"/own", dir+"/test"
	if err := os.Mkdir(own, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(own, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if err := copyProgram(program); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.run",
		"^Test(Written|GoesOn|Opened|SyncTakes|CloseTells|MountAndUnmount|Step|Placed|Absent|Still|Watchers)")
	cmd.Dir = own
	cmd.Env = append(os.Environ(), "TMPDIR="+own, "HOME="+own)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func copyProgram(to string) error {
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer from.Close()
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, from); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// A close that goes well has the bytes in the folder underneath, also if the daemon is gone by then: what was written
// into the kernel's cache after that is lost, and close says so.
func TestCloseTellsWhetherBytesAreThere(t *testing.T) {
	content := strings.Repeat("x", 300000)
	for range 20 {
		m := start(t)
		dev, err := deviceOf(m.dir)
		m.must(err)
		ctl, err := os.OpenFile(fmt.Sprintf("%s/%d/abort", fusectl, unix.Minor(dev)), os.O_WRONLY, 0)
		m.must(err)
		m.write("before", "")
		f, err := os.Create(m.path("f"))
		m.must(err)
		_, err = ctl.WriteString("1") // as if the daemon were killed, but in less than a tick of the clock
		m.must(err)
		ctl.Close()
		_, wrote := f.WriteString(content)
		closed := f.Close()
		if b, err := os.ReadFile(m.under + "/f"); wrote == nil && closed == nil && string(b) != content {
			t.Errorf("write and close went well, and %d bytes are there, %v", len(b), err)
		}
		m.Wait()
		m.must(Recover(m.dir))
	}
}

// The time that programs see of a file which is cut is that underneath, also if it had the size already: it is the one
// that peers are told.
func TestWrittenTimeIsThatUnderneath(t *testing.T) {
	m := start(t)
	for _, size := range []int64{3, 2, 4} {
		name := fmt.Sprint("cut to ", size)
		m.write(name, "old")
		m.must(os.Chtimes(m.path(name), time.Time{}, time.Unix(1, 0)))
		m.must(os.Truncate(m.path(name), size))
		seen, err := os.Stat(m.path(name))
		m.must(err)
		under, err := os.Stat(m.under + "/" + name)
		m.must(err)
		if !seen.ModTime().Equal(under.ModTime()) || seen.Size() != size || under.Size() != size {
			t.Errorf("%s: %v, %d bytes; underneath %v, %d", name, seen.ModTime(), seen.Size(), under.ModTime(), under.Size())
		}
	}
}

// What many programs write to one file, each of which empties it first, is the same in the mount and underneath.
func TestWrittenAnewByManyAtOnce(t *testing.T) {
	m := start(t)
	for round := range 400 {
		var all sync.WaitGroup
		for writer := range 8 {
			all.Go(func() {
				for i := range 5 {
					if err := os.WriteFile(m.path("f"), bytes.Repeat([]byte{'a'}, 1+(writer*37+i*101)%400), 0o644); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		seen := m.read("f")
		under, err := os.ReadFile(m.under + "/f")
		m.must(err)
		if seen != string(under) {
			t.Fatalf("round %d: %d bytes in the mount, %d underneath", round, len(seen), len(under))
		}
	}
}
