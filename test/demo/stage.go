package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A stage holds the stations of one play. Its first error stays in err, and what follows does nothing.
type stage struct {
	binary   string
	dir      string
	stations []*station
	err      error
}

// A station is one replica, with a folder of its own.
type station struct {
	name, dir, address string
	on                 bool
}

type step struct {
	what string
	do   func() error
}

func newStage(binary string) (*stage, error) {
	dir, err := os.MkdirTemp("", "syncfs-demo-")
	return &stage{binary: binary, dir: dir}, err
}

func (s *stage) title(text string) { fmt.Printf("\n%s\n", text) }

func (s *stage) station(name string) *station {
	st := &station{name: name, dir: filepath.Join(s.dir, name), address: s.freeAddress()}
	s.try(os.Mkdir(st.dir, 0o755))
	s.stations = append(s.stations, st)
	return st
}

// freeAddress is one that nobody listened at a moment ago.
func (s *stage) freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if s.try(err) {
		return ""
	}
	defer l.Close()
	return l.Addr().String()
}

// run does each step and shows what the stations hold after it.
func (s *stage) run(ctx context.Context, steps ...step) error {
	for i, step := range steps {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		fmt.Printf("\n%d. %s\n", i+1, step.what)
		for _, st := range s.stations {
			state := ""
			if !st.on {
				state = "  (off)"
			}
			fmt.Printf("   %-3s │ %s%s\n", st.name, strings.Join(s.contents(st), " │ "), state)
		}
	}
	return nil
}

// contents are the files of a station in order, each as name and text.
func (s *stage) contents(st *station) []string {
	entries, err := os.ReadDir(st.dir)
	s.try(err)
	var files []string
	for _, e := range entries {
		if e.Name() == ".syncfs" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(st.dir, e.Name()))
		s.try(err)
		files = append(files, fmt.Sprintf("%s: %s", e.Name(), text))
	}
	return files
}

// equal fails unless all stations hold the same.
func (s *stage) equal() error {
	first := s.contents(s.stations[0])
	for _, st := range s.stations[1:] {
		if other := s.contents(st); !slices.Equal(first, other) {
			s.try(fmt.Errorf("%s and %s differ: %q, %q", s.stations[0].name, st.name, first, other))
		}
	}
	return s.err
}

func (s *stage) write(st *station, name, text string) {
	if s.err == nil {
		s.try(os.WriteFile(filepath.Join(st.dir, name), []byte(text), 0o644))
	}
}

func (s *stage) mount(ctx context.Context, stations ...*station) {
	for _, st := range stations {
		s.syncfs(ctx, "mount", st.dir, "--name", st.name, "--listen", st.address, "--interval", "off")
		st.on = s.err == nil
	}
}

func (s *stage) umount(ctx context.Context, st *station) {
	s.syncfs(ctx, "umount", st.dir)
	st.on = false
}

// link makes two stations peers of one another.
func (s *stage) link(ctx context.Context, a, b *station) {
	for _, pair := range [][2]*station{{a, b}, {b, a}} {
		here, there := pair[0], pair[1]
		key := s.syncfs(ctx, "key", there.dir)
		s.syncfs(ctx, "peer", "add", "-C", here.dir, there.name, there.address, "--key", key)
	}
}

func (s *stage) flush(ctx context.Context, a, b *station) error {
	s.syncfs(ctx, "flush", a.dir, "--peer", b.name, "--timeout", "60s")
	return s.err
}

// syncfs runs the program and returns what it printed.
func (s *stage) syncfs(ctx context.Context, args ...string) string {
	if s.err != nil {
		return ""
	}
	out, err := exec.CommandContext(ctx, s.binary, args...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("syncfs %s: %w\n%s", strings.Join(args, " "), err, exit.Stderr)
	}
	s.try(err)
	return strings.TrimSpace(string(out))
}

func (s *stage) try(err error) bool {
	if s.err == nil {
		s.err = err
	}
	return err != nil
}

// end unmounts what is mounted and removes all that the play made.
func (s *stage) end() error {
	for _, st := range s.stations {
		if !st.on {
			continue
		}
		if out, err := exec.Command(s.binary, "umount", st.dir).CombinedOutput(); err != nil {
			return fmt.Errorf("umount %s: %w\n%s", st.dir, err, out)
		}
	}
	return os.RemoveAll(s.dir)
}
