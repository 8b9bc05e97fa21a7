package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sweep ends every process of the program under dir and takes every mount under it away. It tells what
// there was.
func sweep(dir string) (found []string) {
	for _, pid := range processes(dir) {
		found = append(found, fmt.Sprintf("process %d: %s", pid, commandLine(pid)))
		syscall.Kill(pid, syscall.SIGKILL)
	}
	until(10*time.Second, func() bool { return len(processes(dir)) == 0 })
	for _, m := range mounts(dir) {
		found = append(found, "mount "+m.dir)
		m.abort()
		m.detach()
	}
	return found
}

// processes are those whose program is under dir.
func processes(dir string) (pids []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		exe, err := os.Readlink(filepath.Join("/proc", e.Name(), "exe"))
		if err == nil && strings.HasPrefix(exe, dir+"/") {
			pids = append(pids, pid)
		}
	}
	return pids
}

func commandLine(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.TrimSpace(strings.ReplaceAll(string(text), "\x00", " "))
}

// A mount is one line of the mount table.
type mount struct {
	dir    string
	device string // major:minor
}

func mounts(under string) (list []mount) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	for _, line := range strings.Split(string(text), "\n") {
		f := strings.Fields(line)
		if len(f) > 4 && (f[4] == under || strings.HasPrefix(f[4], under+"/")) {
			list = append([]mount{{dir: f[4], device: f[2]}}, list...) // the last mounted first
		}
	}
	return list
}

// abort ends all requests of a mount whose daemon is gone, so that nothing can hang on it.
func (m mount) abort() {
	const control = "/sys/fs/fuse/connections"
	if entries, _ := os.ReadDir(control); len(entries) == 0 {
		unix.Mount("fusectl", control, "fusectl", 0, "")
	}
	_, minor, _ := strings.Cut(m.device, ":")
	os.WriteFile(filepath.Join(control, minor, "abort"), []byte("1"), 0)
}

func (m mount) detach() {
	if unix.Unmount(m.dir, unix.MNT_DETACH) != nil {
		exec.Command("fusermount3", "-u", "-z", m.dir).Run()
	}
}

// apart gives a command a session of its own.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// until waits for a condition of another process, which nothing announces.
func until(limit time.Duration, condition func() bool) bool {
	deadline := time.After(limit)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !condition() {
		select {
		case <-deadline:
			return condition()
		case <-look.C:
		}
	}
	return true
}
