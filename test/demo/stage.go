package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"syncfs/test/station"
)

// A stage holds the stations of one play. Its first error stays in err, and what follows does nothing.
type stage struct {
	program  string
	dir      string
	stations []*station.Station
	off      map[*station.Station]bool
	err      error
}

type step struct {
	what string
	do   func() error
}

func newStage(program string) (*stage, error) {
	dir, err := os.MkdirTemp("", "syncfs-demo-")
	return &stage{program: program, dir: dir, off: map[*station.Station]bool{}}, err
}

func (s *stage) title(text string) { fmt.Printf("\n%s\n", text) }

func (s *stage) station(name string) *station.Station {
	st, err := station.New(s.program, s.dir, name)
	s.try(err)
	s.stations = append(s.stations, st)
	s.off[st] = true
	return st
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
			if s.off[st] {
				state = "  (off)"
			}
			fmt.Printf("   %-3s │ %s%s\n", st.Name, strings.Join(s.contents(st), " │ "), state)
		}
	}
	return nil
}

// contents are the files of a station in order, each as name and text.
func (s *stage) contents(st *station.Station) []string {
	entries, err := os.ReadDir(st.Dir)
	s.try(err)
	var files []string
	for _, e := range entries {
		if e.Name() == ".syncfs" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(st.Dir, e.Name()))
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
			s.try(fmt.Errorf("%s and %s differ: %q, %q", s.stations[0].Name, st.Name, first, other))
		}
	}
	return s.err
}

func (s *stage) write(st *station.Station, name, text string) {
	if s.err == nil {
		s.try(os.WriteFile(filepath.Join(st.Dir, name), []byte(text), 0o644))
	}
}

func (s *stage) mount(ctx context.Context, stations ...*station.Station) {
	for _, st := range stations {
		s.do(func() error { return st.Mount(ctx) })
		s.off[st] = s.err != nil
	}
}

func (s *stage) umount(ctx context.Context, st *station.Station) {
	s.do(func() error { return st.Umount(ctx) })
	s.off[st] = true
}

func (s *stage) link(ctx context.Context, a, b *station.Station) {
	s.do(func() error { return a.Join(ctx, b) })
}

func (s *stage) flush(ctx context.Context, a, b *station.Station) error {
	s.do(func() error { return a.Flush(ctx, "--peer", b.Name, "--timeout", "60s") })
	return s.err
}

// do does what comes next, unless something went wrong before.
func (s *stage) do(fn func() error) {
	if s.err == nil {
		s.err = fn()
	}
}

func (s *stage) try(err error) {
	if s.err == nil {
		s.err = err
	}
}

// end unmounts what is mounted and removes all that the play made.
func (s *stage) end() error {
	for _, st := range s.stations {
		if st.Mounted() {
			if err := st.Umount(context.Background()); err != nil {
				return err
			}
		}
	}
	return os.RemoveAll(s.dir)
}
