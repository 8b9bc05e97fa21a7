package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a command may take, and a condition may stay untrue.
const patience = 2 * time.Minute

// A station is one replica of a story: a folder, a home directory, a daemon.
type station struct {
	t       *testing.T
	Name    string
	Dir     string // the folder
	home    string
	listen  string              // host:port of its embedded server
	uid     *syscall.Credential // nil: whoever runs the tests
	env     []string            // of its daemon, besides
	mounted bool
}

func newStation(t *testing.T, dir, name string) *station {
	t.Helper()
	s := &station{t: t, Name: name, Dir: filepath.Join(dir, name), home: filepath.Join(dir, name+".home"), listen: freePort(t)}
	for _, d := range []string{s.Dir, s.home} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(s.end)
	return s
}

// freePort is a loopback address that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// A result is what a command printed and ended with.
type result struct {
	status         int
	stdout, stderr string
}

// Try runs syncfs in the folder.
func (s *station) Try(args ...string) result {
	s.t.Helper()
	return s.exec(syncfs, args...)
}

// Run runs syncfs in the folder and wants status 0.
func (s *station) Run(args ...string) string {
	s.t.Helper()
	r := s.Try(args...)
	if r.status != 0 {
		s.t.Fatalf("%s: syncfs %s: status %d\n%s%s", s.Name, strings.Join(args, " "), r.status, r.stdout, r.stderr)
	}
	return r.stdout
}

func (s *station) exec(program string, args ...string) result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := s.command(ctx, program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		s.dump()
		s.t.Fatalf("%s: %s %s: not back after %v\n%s%s", s.Name, program, strings.Join(args, " "), patience, &stdout, &stderr)
	case err != nil && !errors.As(err, &exit):
		s.t.Fatalf("%s: %s %s: %v", s.Name, program, strings.Join(args, " "), err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// command runs in the folder, or above it where a daemon that was killed has left a mount nobody can enter.
func (s *station) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = s.Dir
	if _, err := os.Stat(s.Dir); errors.Is(err, syscall.ENOTCONN) {
		cmd.Dir = filepath.Dir(s.Dir)
	}
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = []string{"HOME=" + s.home, "PATH=" + os.Getenv("PATH"), "USER=" + os.Getenv("USER")}
	if os.Getenv("SYNCFS_DEBUG") != "" {
		cmd.Env = append(cmd.Env, "SYNCFS_DEBUG=1")
	}
	cmd.Env = append(cmd.Env, s.env...)
	if s.uid != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.uid}
	}
	return cmd
}

// Mount makes the folder a replica, with no sessions but those of a flush.
func (s *station) Mount(flags ...string) {
	s.t.Helper()
	args := []string{"mount", s.Dir, "--name", s.Name, "--listen", s.listen}
	if !slices.Contains(flags, "--interval") {
		args = append(args, "--interval", "off")
	}
	s.mounted = true // even a mount that fails may leave something
	s.Run(append(args, flags...)...)
}

// Umount ends the daemon; the folder is a plain folder again.
func (s *station) Umount() {
	s.t.Helper()
	s.Run("umount", s.Dir)
	s.mounted = false
}

// Flush syncs with every peer and wants all of it done.
func (s *station) Flush() { s.t.Helper(); s.Run("flush", s.Dir) }

// FlushAtLast flushes until all is done: what is being written, or was a moment ago, is put off for a while.
func (s *station) FlushAtLast() {
	s.t.Helper()
	var last result
	if !until(patience, func() bool { last = s.Try("flush", s.Dir); return last.status == 0 }) {
		s.t.Fatalf("%s: flush is never done: status %d\n%s", s.Name, last.status, last.stderr)
	}
}

// Sync flushes with each of those peers in turn.
func (s *station) Sync(peers ...*station) {
	s.t.Helper()
	for _, p := range peers {
		s.Run("flush", s.Dir, "--peer", p.Name)
	}
}

// A status is what scripts read of status --json.
type status struct {
	Mounted bool
	PID     int
	Scan    struct {
		Running bool
		Files   int64
	}
	Outgoing  struct{ Items, Bytes int64 }
	Wanted    struct{ Items, Bytes int64 }
	Conflicts int
	Problems  []struct{ Path, Peer, What string }
	Peers     []struct {
		Name, State, Error string
		Sent, Received     int64
	}
}

func (s *station) Status() status {
	s.t.Helper()
	var st status
	if err := json.Unmarshal([]byte(s.Run("status", s.Dir, "--json")), &st); err != nil {
		s.t.Fatal(err)
	}
	return st
}

// Traffic is the bytes on the wire between here and all peers since the daemon started.
func (s *station) Traffic() (bytes int64) {
	s.t.Helper()
	for _, p := range s.Status().Peers {
		bytes += p.Sent + p.Received
	}
	return bytes
}

// CPU is what the daemon has spent so far, of its own and in the kernel.
func (s *station) CPU() time.Duration {
	s.t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.Status().PID))
	if err != nil {
		s.t.Fatal(err)
	}
	const own, kernel, perSecond = 11, 12, 100 // fields after the name of the program, which may have blanks; USER_HZ
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks time.Duration
	for _, f := range []string{fields[own], fields[kernel]} {
		n, err := strconv.Atoi(f)
		if err != nil {
			s.t.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * time.Second / perSecond
}

// Conflicts are the paths of the open conflicts.
func (s *station) Conflicts() (paths []string) {
	s.t.Helper()
	var list []struct{ Path string }
	if err := json.Unmarshal([]byte(s.Run("conflicts", s.Dir, "--json")), &list); err != nil {
		s.t.Fatal(err)
	}
	for _, c := range list {
		paths = append(paths, c.Path)
	}
	return paths
}

// Key is the line that makes this station a member elsewhere.
func (s *station) Key() string { s.t.Helper(); return strings.TrimSpace(s.Run("key")) }

// Knows makes other a member here.
func (s *station) Knows(other *station, address string, flags ...string) {
	s.t.Helper()
	args := []string{"peer", "add", other.Name}
	if address != "" {
		args = append(args, address)
	}
	s.Run(append(append(args, "--key", other.Key()), flags...)...)
}

// Kill ends the daemon as a power cut of its process would.
func (s *station) Kill() {
	s.t.Helper()
	pid := s.Status().PID
	if pid == 0 {
		s.t.Fatalf("%s: no daemon to kill", s.Name)
	}
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	defer unix.Close(process)
	if err := unix.PidfdSendSignal(process, unix.SIGKILL, nil, 0); err != nil {
		s.t.Fatal(err)
	}
	dead := []unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}}
	if n, err := unix.Poll(dead, 10000); n == 0 && err == nil {
		s.t.Fatalf("%s: process %d outlives SIGKILL: a request of its own is pending", s.Name, pid)
	}
}

// Log is what the daemon has logged; it is hidden while the folder is mounted, so this unmounts.
func (s *station) Log() string {
	s.t.Helper()
	if s.mounted {
		s.Umount()
	}
	return s.log()
}

func (s *station) log() string {
	text, _ := os.ReadFile(filepath.Join(s.Dir, ".syncfs", "log"))
	return string(text)
}

// end leaves nothing behind, whatever the test has done. The log of a test that failed is shown.
func (s *station) end() {
	if s.mounted && syncfs != "" {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		cmd := s.command(ctx, syncfs, "umount", s.Dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			s.t.Errorf("%s: umount: %v\n%s", s.Name, err, out)
			s.dump()
			s.force()
		}
	}
	if s.t.Failed() {
		lines := strings.Split(strings.TrimSpace(s.log()), "\n")
		s.t.Logf("%s: the log ends with\n%s", s.Name, strings.Join(lines[max(0, len(lines)-30):], "\n"))
		if crash, err := os.ReadFile(filepath.Join(s.Dir, ".syncfs", "crash")); err == nil && len(crash) > 0 {
			s.t.Logf("%s: crash:\n%s", s.Name, crash[:min(len(crash), 20000)])
		}
	}
}

// dump makes a daemon that does not answer say where it stands, in its crash file.
func (s *station) dump() {
	for _, pid := range s.daemons() {
		syscall.Kill(pid, syscall.SIGQUIT)
	}
	until(5*time.Second, func() bool { return len(s.daemons()) == 0 })
}

func (s *station) force() {
	for _, pid := range s.daemons() {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, m := range mounts(s.Dir) {
		m.abort()
		m.detach()
	}
}

func (s *station) daemons() (pids []int) {
	for _, pid := range processes(base) {
		if strings.Contains(commandLine(pid)+" ", " "+s.Dir+" ") {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (s *station) String() string { return fmt.Sprintf("%s (%s)", s.Name, s.Dir) }
