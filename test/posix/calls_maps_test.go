package posix

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// What works through mappings.
var mapCalls = map[string]call{
	// map maps LEN bytes of a file at OFF: shared or private, r or rw.
	"map": func(p *process, a args) (string, error) {
		prot := bits(a[3], map[string]int{"r": unix.PROT_READ, "rw": unix.PROT_READ | unix.PROT_WRITE, "x": unix.PROT_EXEC | unix.PROT_READ})
		flags := bits(a[2], map[string]int{"shared": unix.MAP_SHARED, "private": unix.MAP_PRIVATE, "validate": unix.MAP_SHARED_VALIDATE,
			"sync": unix.MAP_SYNC, "populate": unix.MAP_POPULATE, "locked": unix.MAP_LOCKED})
		m, err := unix.Mmap(p.fd(a[1]), number(a[4]), int(number(a[5])), prot, flags)
		if err == nil {
			p.maps[a[0]] = m
		}
		return "", err
	},
	"unmap": func(p *process, a args) (string, error) {
		m := p.maps[a[0]]
		delete(p.maps, a[0])
		return "", unix.Munmap(m)
	},
	"peek": func(p *process, a args) (string, error) {
		off, n := number(a[1]), number(a[2])
		return text(append([]byte{}, p.maps[a[0]][off:off+n]...)), nil
	},
	"poke": func(p *process, a args) (string, error) {
		return fmt.Sprint(copy(p.maps[a[0]][number(a[1]):], a[2])), nil
	},
	// writefrom writes to a file from a mapping, readinto reads into one.
	"writefrom": func(p *process, a args) (string, error) {
		off, n := number(a[2]), number(a[3])
		n2, err := unix.Pwrite(p.fd(a[0]), p.maps[a[1]][off:off+n], number(a[4]))
		return fmt.Sprint(n2), err
	},
	"readinto": func(p *process, a args) (string, error) {
		off, n := number(a[2]), number(a[3])
		n2, err := unix.Pread(p.fd(a[0]), p.maps[a[1]][off:off+n], number(a[4]))
		return fmt.Sprint(n2), err
	},
	"msync": func(p *process, a args) (string, error) {
		how := unix.MS_SYNC
		if a.at(1) != "" {
			how = bits(a[1], map[string]int{"async": unix.MS_ASYNC, "invalidate": unix.MS_INVALIDATE, "sync": unix.MS_SYNC, "bad": 64})
		}
		return "", unix.Msync(p.maps[a[0]], how)
	},
	// remap makes a mapping larger or smaller; it may move.
	"remap": func(p *process, a args) (string, error) {
		m, err := unix.Mremap(p.maps[a[0]], int(number(a[1])), unix.MREMAP_MAYMOVE)
		if err == nil {
			p.maps[a[0]] = m
		}
		return "", err
	},
	"advisemap": func(p *process, a args) (string, error) {
		off, n := number(a[1]), number(a[2])
		return "", unix.Madvise(p.maps[a[0]][off:off+n], map[string]int{"dontneed": unix.MADV_DONTNEED, "remove": unix.MADV_REMOVE,
			"willneed": unix.MADV_WILLNEED, "populate": unix.MADV_POPULATE_WRITE}[a[3]])
	},
	"protect": func(p *process, a args) (string, error) {
		return "", unix.Mprotect(p.maps[a[0]], bits(a[1], map[string]int{"r": unix.PROT_READ, "rw": unix.PROT_READ | unix.PROT_WRITE}))
	},
}
