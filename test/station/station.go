// Package station runs replicas as people do: by the program syncfs, each with a folder and a daemon of
// its own on this machine. The demo and the end-to-end tests play with it.
package station

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"syncfs/cmd/report"
)

// A Station is one replica.
type Station struct {
	Program string // path of syncfs
	Name    string
	Dir     string
	Listen  string // host:port
}

// New makes an empty station NAME below dir.
func New(program, dir, name string) (*Station, error) {
	program, err := filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	s := &Station{Program: program, Name: name, Dir: filepath.Join(dir, name)}
	if s.Listen, err = freeAddress(); err != nil {
		return nil, err
	}
	return s, os.Mkdir(s.Dir, 0o755)
}

// freeAddress is one that nobody listened at a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Run runs syncfs and returns what it printed. An error has what it said on standard error; Status tells
// its exit status.
func (s *Station) Run(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, s.Program, args...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("syncfs %s: %w\n%s", strings.Join(args, " "), err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

// ExitStatus is how the program that err came from ended; 0 if err is nil, -1 if it is no exit status.
func ExitStatus(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// Mount mounts the folder; it begins no session by itself.
func (s *Station) Mount(ctx context.Context, flags ...string) error {
	args := append([]string{"mount", s.Dir, "--name", s.Name, "--listen", s.Listen, "--interval", "off"}, flags...)
	_, err := s.Run(ctx, args...)
	return err
}

// Umount unmounts the folder and waits for the daemon's end.
func (s *Station) Umount(ctx context.Context) error {
	_, err := s.Run(ctx, "umount", s.Dir)
	return err
}

// Mounted is whether there is a mount, with a daemon or without.
func (s *Station) Mounted() bool {
	mounts, err := os.ReadFile("/proc/self/mounts")
	return err == nil && strings.Contains(string(mounts), " "+s.Dir+" fuse.syncfs ")
}

// Kill ends the daemon as a crash does.
func (s *Station) Kill(ctx context.Context) error {
	st, err := s.Status(ctx)
	if err != nil {
		return err
	}
	process, err := unix.PidfdOpen(st.PID, 0)
	if err != nil {
		return err
	}
	defer unix.Close(process)
	if err := unix.PidfdSendSignal(process, unix.SIGKILL, nil, 0); err != nil {
		return err
	}
	for {
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}}, -1); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Link makes other a peer of s that is reached at address; empty: it dials.
func (s *Station) Link(ctx context.Context, other *Station, address string, flags ...string) error {
	key, err := other.Run(ctx, "key", other.Dir)
	if err != nil {
		return err
	}
	args := []string{"peer", "add", "-C", s.Dir, "--key", key, other.Name}
	if address != "" {
		args = append(args, address)
	}
	_, err = s.Run(ctx, append(args, flags...)...)
	return err
}

// Join makes two stations peers of one another, over the embedded transport.
func (s *Station) Join(ctx context.Context, other *Station) error {
	return errors.Join(s.Link(ctx, other, other.Listen), other.Link(ctx, s, s.Listen))
}

// Flush syncs with every peer, or as the flags say.
func (s *Station) Flush(ctx context.Context, flags ...string) error {
	_, err := s.Run(ctx, append([]string{"flush", s.Dir}, flags...)...)
	return err
}

// Status is `syncfs status --json`.
func (s *Station) Status(ctx context.Context) (report.Status, error) {
	var st report.Status
	out, err := s.Run(ctx, "status", s.Dir, "--json")
	if err != nil {
		return st, err
	}
	return st, json.Unmarshal([]byte(out), &st)
}
