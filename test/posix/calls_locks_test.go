package posix

import (
	"fmt"

	"golang.org/x/sys/unix"
)

var lockKinds = map[string]int16{"read": unix.F_RDLCK, "write": unix.F_WRLCK, "un": unix.F_UNLCK}

// What locks.
var lockCalls = map[string]call{
	"flock": func(p *process, a args) (string, error) {
		how := bits(a[1], map[string]int{"sh": unix.LOCK_SH, "ex": unix.LOCK_EX, "un": unix.LOCK_UN, "wait": 0})
		if a[1] != "un" && a.at(2) != "wait" {
			how |= unix.LOCK_NB
		}
		return "", unix.Flock(p.fd(a[0]), how)
	},
	// lock takes a POSIX lock, ofdlock one of the open file.
	"lock":    func(p *process, a args) (string, error) { return "", p.lock(unix.F_SETLK, a) },
	"lockw":   func(p *process, a args) (string, error) { return "", p.lock(unix.F_SETLKW, a) },
	"ofdlock": func(p *process, a args) (string, error) { return "", p.lock(unix.F_OFD_SETLK, a) },
	// getlock tells what is in the way of a lock.
	"getlock":    func(p *process, a args) (string, error) { return p.getLock(unix.F_GETLK, a) },
	"getofdlock": func(p *process, a args) (string, error) { return p.getLock(unix.F_OFD_GETLK, a) },
	"lease": func(p *process, a args) (string, error) {
		_, err := unix.FcntlInt(uintptr(p.fd(a[0])), unix.F_SETLEASE, int(lockKinds[a[1]]))
		return "", err
	},
	"getlease": func(p *process, a args) (string, error) {
		n, err := unix.FcntlInt(uintptr(p.fd(a[0])), unix.F_GETLEASE, 0)
		return lockName(int16(n)), err
	},
}

func flockOf(a args) *unix.Flock_t {
	return &unix.Flock_t{Type: lockKinds[a[1]], Whence: unix.SEEK_SET, Start: number(a[2]), Len: number(a[3])}
}

func (p *process) lock(how int, a args) error {
	return unix.FcntlFlock(uintptr(p.fd(a[0])), how, flockOf(a))
}

func (p *process) getLock(how int, a args) (string, error) {
	l := flockOf(a)
	if err := unix.FcntlFlock(uintptr(p.fd(a[0])), how, l); err != nil {
		return "", err
	}
	if l.Type == unix.F_UNLCK {
		return "free", nil
	}
	who := "a process"
	if l.Pid == -1 {
		who = "an open file"
	}
	return fmt.Sprintf("%s %d+%d of %s", lockName(l.Type), l.Start, l.Len, who), nil
}

func lockName(kind int16) string {
	for name, k := range lockKinds {
		if k == kind {
			return name
		}
	}
	return fmt.Sprint(kind)
}
