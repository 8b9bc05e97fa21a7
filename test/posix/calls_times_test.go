package posix

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// times are those of a file when they were remembered.
type times struct{ a, m, c unix.Timespec }

// past is what old sets times to.
var past = unix.Timespec{Sec: 1e9}

// What is about times.
var timeCalls = map[string]call{
	"utimens": func(p *process, a args) (string, error) {
		ts := []unix.Timespec{moment(a[1]), moment(a[2])}
		w := p.place(a[0])
		if w.open {
			return "", utimes(w.dir, nil, &ts[0], 0)
		}
		return "", unix.UtimesNanoAt(w.dir, w.path, ts, bits(a.at(3), atBits))
	},
	// touch sets both times to now by giving none.
	"touch": func(p *process, a args) (string, error) {
		w := p.place(a[0])
		if w.open {
			return "", utimes(w.dir, nil, nil, 0)
		}
		return "", utimes(w.dir, []byte(w.path+"\x00"), nil, 0)
	},
	// old puts the times of files into the past and remembers them; keep only remembers. When they are
	// done, a new ctime would be later than each remembered.
	"old": func(p *process, a args) (string, error) {
		for _, path := range a {
			var err error
			if w := p.place(path); w.open {
				ts := []unix.Timespec{past, past}
				err = utimes(w.dir, nil, &ts[0], 0)
			} else {
				err = unix.UtimesNanoAt(w.dir, w.path, []unix.Timespec{past, past}, unix.AT_SYMLINK_NOFOLLOW)
			}
			if err != nil {
				return path, err
			}
		}
		return "", p.remember(a)
	},
	"keep": func(p *process, a args) (string, error) { return "", p.remember(a) },
	// new says which times of files are not those remembered any more: a, m, c, or none.
	"new": func(p *process, a args) (string, error) {
		var said []string
		for _, path := range a {
			var st unix.Stat_t
			if err := p.statAt(path, unix.AT_SYMLINK_NOFOLLOW, &st); err != nil {
				return path, err
			}
			was, known := p.times[path]
			if !known {
				panic("times not remembered: " + path)
			}
			changed := ""
			for _, t := range []struct {
				letter   string
				was, now unix.Timespec
			}{{"a", was.a, st.Atim}, {"m", was.m, st.Mtim}, {"c", was.c, st.Ctim}} {
				if t.now.Nano() > t.was.Nano() {
					changed += t.letter
				} else if t.now != t.was {
					changed += t.letter + "(earlier)"
				}
			}
			if changed == "" {
				changed = "-"
			}
			said = append(said, changed)
		}
		return strings.Join(said, " "), nil
	},
	// current says whether times of a file are of the clock, not of some time past or to come.
	"current": func(p *process, a args) (string, error) {
		var st unix.Stat_t
		if err := p.statAt(a[0], unix.AT_SYMLINK_NOFOLLOW, &st); err != nil {
			return "", err
		}
		now, said := time.Now(), ""
		for letter, t := range map[string]unix.Timespec{"a": st.Atim, "m": st.Mtim, "c": st.Ctim} {
			if d := now.Sub(time.Unix(t.Unix())); strings.Contains(a.at(1), letter) && (d < 0 || d > time.Hour) {
				said += letter + " is not "
			}
		}
		return said, nil
	},
	// order compares a time of one file with one of another.
	"order": func(p *process, a args) (string, error) {
		var at [2]int64
		for i := range at {
			path, letter, _ := strings.Cut(a[i], "@")
			var st unix.Stat_t
			if err := p.statAt(path, unix.AT_SYMLINK_NOFOLLOW, &st); err != nil {
				return "", err
			}
			at[i] = map[string]int64{"a": st.Atim.Nano(), "m": st.Mtim.Nano(), "c": st.Ctim.Nano()}[letter]
		}
		switch {
		case at[0] < at[1]:
			return "<", nil
		case at[0] > at[1]:
			return ">", nil
		}
		return "=", nil
	},
}

// remember keeps the times of files, and waits until the clock that files get theirs from has moved on.
func (p *process) remember(paths []string) error {
	var last int64
	for _, path := range paths {
		var st unix.Stat_t
		if err := p.statAt(path, unix.AT_SYMLINK_NOFOLLOW, &st); err != nil {
			return err
		}
		p.times[path] = times{st.Atim, st.Mtim, st.Ctim}
		last = max(last, st.Ctim.Nano())
	}
	return until(func() bool {
		var now unix.Timespec
		return unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &now) != nil || now.Nano() > last
	})
}

// until returns when ok holds. It looks each millisecond, as the clock of files ticks in four or so.
func until(ok func() bool) error {
	for end := time.Now().Add(10 * time.Second); !ok(); unix.Poll(nil, 1) {
		if time.Now().After(end) {
			return fmt.Errorf("waited in vain")
		}
	}
	return nil
}

// moment reads now, omit, or seconds with a fraction of nine digits.
func moment(s string) unix.Timespec {
	switch s {
	case "now":
		return unix.Timespec{Nsec: unix.UTIME_NOW}
	case "omit":
		return unix.Timespec{Nsec: unix.UTIME_OMIT}
	}
	sec, nsec, _ := strings.Cut(s, ".")
	t := unix.Timespec{Sec: number(sec)}
	if nsec != "" {
		t.Nsec = number(strings.TrimLeft(nsec[:len(nsec)-1], "0") + nsec[len(nsec)-1:])
	}
	return t
}

// utimes is utimensat(2) with a null path for what is open, and null times for now.
func utimes(dir int, path []byte, ts *unix.Timespec, flags int) error {
	var at uintptr
	if path != nil {
		at = addressOf(&path[0])
	}
	var t uintptr
	if ts != nil {
		t = addressOf(ts)
	}
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(dir), at, t, uintptr(flags), 0, 0)
	return errnoOrNil(errno)
}
