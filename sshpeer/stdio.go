package sshpeer

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// Stdio makes one connection of in to read and out to write, which its Close ends even while a read waits.
// It uses copies of the descriptors: in and out themselves stay open.
func Stdio(in, out *os.File) (io.ReadWriteCloser, error) {
	r, err := pollable(in)
	if err != nil {
		return nil, err
	}
	w, err := pollable(out)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return &stdio{r, w}, nil
}

type stdio struct{ r, w *os.File }

func (s *stdio) Read(p []byte) (int, error)  { return s.r.Read(p) }
func (s *stdio) Write(p []byte) (int, error) { return s.w.Write(p) }
func (s *stdio) Close() error                { return errors.Join(s.r.Close(), s.w.Close()) }

// pollable is f on a descriptor of its own that does not block a thread, so that Close wakes who waits.
func pollable(f *os.File) (*os.File, error) {
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(fd)
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(os.NewSyscallError("fcntl", err), syscall.Close(fd))
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
