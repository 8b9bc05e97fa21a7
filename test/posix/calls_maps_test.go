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
		flags := bits(a[2], map[string]int{"shared": unix.MAP_SHARED, "private": unix.MAP_PRIVATE})
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
		return "", unix.Msync(p.maps[a[0]], unix.MS_SYNC)
	},
}
