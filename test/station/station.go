// Package station runs replicas as people do: by the program syncfs, each with a folder and a daemon of
// its own on this machine. The demo and the end-to-end tests play with it.
package station

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// Run runs syncfs and returns what it printed. An error has what it said on standard error.
func (s *Station) Run(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, s.Program, args...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("syncfs %s: %w\n%s", strings.Join(args, " "), err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
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
