package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

func field(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }

// A spin reads a file while it is replaced. A version is whole if it is one token of eight bytes again and again,
// as often as the token says.
type spin struct {
	over  chan struct{}
	all   sync.WaitGroup
	count atomic.Int64

	mu   sync.Mutex // guards errs
	errs []error
}

func newSpin(path string) *spin {
	s := &spin{over: make(chan struct{})}
	for how, read := range map[string]func(string) error{"read": readWhole, "mmap": mapWhole, "pread of what stays open": stays()} {
		s.all.Go(func() {
			for {
				select {
				case <-s.over:
					return
				default:
				}
				s.count.Add(1)
				if err := read(path); err != nil {
					s.mu.Lock()
					s.errs = append(s.errs, fmt.Errorf("%s: %w", how, err))
					s.mu.Unlock()
					return
				}
			}
		})
	}
	return s
}

func (s *spin) still() (string, error) {
	close(s.over)
	s.all.Wait()
	return fmt.Sprint(s.count.Load()), errors.Join(s.errs...)
}

// whole complains of what is no whole version.
func whole(b []byte) error {
	const token = 8
	var times int
	if _, err := fmt.Sscanf(string(b[:min(token, len(b))]), "%d", &times); err != nil || len(b) < token {
		return fmt.Errorf("%d bytes, %q: no version", len(b), b[:min(token, len(b))])
	}
	if len(b) != token*times {
		return fmt.Errorf("%d bytes of a version of %d", len(b), token*times)
	}
	if !bytes.Equal(b, bytes.Repeat(b[:token], times)) {
		return fmt.Errorf("the version that begins with %q has something else in it", b[:token])
	}
	return nil
}

func readWhole(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return whole(b)
}

func mapWhole(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	m, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	defer unix.Munmap(m)
	return whole(m)
}

// stays reads one open file many times, then the next: each time what it was when it was opened.
func stays() func(string) error {
	var f *os.File
	var first string
	turns := 0
	return func(path string) (err error) {
		if turns++; f != nil && turns%50 == 0 {
			f.Close()
			f = nil
		}
		if f == nil {
			if f, err = os.Open(path); err != nil {
				return err
			}
			if first, err = reads(f); err != nil {
				return err
			}
		}
		now, err := reads(f)
		if err == nil && now != first {
			err = errors.New("an open file has another content than when it was opened")
		}
		if err != nil {
			return err
		}
		return whole([]byte(now))
	}
}
