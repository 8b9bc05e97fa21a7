package main

import (
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

const page = 4096

// dirty makes a file of that many bytes by stores through a shared mapping, and has it written.
func dirty(path, size string) (string, error) {
	n, err := strconv.Atoi(size)
	if err != nil {
		return "", err
	}
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if err := f.Truncate(int64(n)); err != nil {
		return "", err
	}
	m, err := unix.Mmap(int(f.Fd()), 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return "", err
	}
	defer unix.Munmap(m)
	for at := 0; at < n; at += page {
		m[at] = stamp(at)
	}
	return "", unix.Msync(m, unix.MS_SYNC)
}

// dirtied is how many bytes of it are as dirty has left them.
func dirtied(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b := make([]byte, page)
	for at := 0; ; at += page {
		switch n, err := f.ReadAt(b, int64(at)); {
		case n < page && err == io.EOF:
			return fmt.Sprint(at + n), nil
		case err != nil:
			return "", err
		case b[0] != stamp(at):
			return fmt.Sprint(at), nil
		}
	}
}

func stamp(at int) byte { return byte(at/page*7 + 1) }
