package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// Programs dirty far more pages than they may have, by write and through mappings, while others sync: the kernel has
// to write back to be able to go on, through a daemon of one processor.
func TestWritebackGoesOnWhereMemoryIsShort(t *testing.T) {
	for who, cred := range users(t) {
		t.Run(who, func(t *testing.T) {
			a := newCluster(t, embedded).Station("a")
			a.ownedBy(cred)
			a.env = []string{"GOMAXPROCS=1"}
			a.Mount()
			procs := fewPages(t, 64<<20)
			if procs != "" && cred != nil {
				a.must(os.Chown(procs, int(cred.Uid), -1))
			}
			w := a.witness()
			if procs != "" {
				if got := w.ask("join " + procs); got != "" {
					t.Fatalf("cgroup: %s", got)
				}
			}
			written := make(chan string)
			go func() {
				written <- a.shell("for i in 1 2 3 4 5 6 7 8; do dd if=/dev/zero bs=1M count=16 status=none >> w; sync -f .; done; wc -c < w")
			}()
			if got := w.ask(fmt.Sprintf("dirty m %d", 160<<20)); got != "" {
				t.Errorf("stores through a mapping: %s", got)
			}
			if got := <-written; got != "134217728\n" {
				t.Errorf("written are %q bytes", got)
			}
			if got := w.ask("dirtied m"); got != fmt.Sprint(160<<20) {
				t.Errorf("read back: %s", got)
			}
			a.Umount()
			if info, err := os.Stat(a.Path("m")); err != nil || info.Size() != 160<<20 {
				t.Errorf("underneath: %v, %v", info, err)
			}
		})
	}
}

// fewPages makes a cgroup of little memory, and names the file by which a process joins it. An ordinary user, and who
// has no cgroups, can't: "".
func fewPages(t *testing.T, limit int) string {
	t.Helper()
	for _, way := range []struct{ dir, limit string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
		{"/sys/fs/cgroup", "memory.max"},
	} {
		dir := filepath.Join(way.dir, "syncfs-e2e-"+strconv.Itoa(os.Getpid()))
		if _, err := os.Stat(filepath.Join(way.dir, "cgroup.procs")); err != nil || os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			if !until(patience, func() bool { return unix.Rmdir(dir) == nil }) {
				t.Errorf("%s can't be removed", dir)
			}
		})
		if os.WriteFile(filepath.Join(dir, way.limit), []byte(strconv.Itoa(limit)), 0) == nil {
			return filepath.Join(dir, "cgroup.procs")
		}
	}
	t.Log("no cgroup of little memory is to be had here: the kernel's own limits must do")
	return ""
}
