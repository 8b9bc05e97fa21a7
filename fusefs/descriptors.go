package fusefs

import (
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// reserve is how many descriptors the daemon keeps for itself: for directories, the journal and sessions. Without any left
// it could journal nothing more.
const reserve = maxDirs + 512

// raiseDescriptors has the process be allowed as many descriptors as can be, and says how many these are.
func raiseDescriptors(privil bool) int {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return math.MaxInt32
	}
	most := l.Max
	if b, err := os.ReadFile("/proc/sys/fs/nr_open"); err == nil && privil {
		if n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 31); err == nil {
			most = max(most, n)
		}
	}
	if unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: most, Max: most}) == nil {
		l.Cur = most
	}
	return int(min(l.Cur, math.MaxInt32))
}

// shares are how many directories are kept open at most, and from which number on no descriptor is for what programs have
// open, of which each file takes one.
func shares(limit int) (directories, most int) {
	return min(maxDirs, limit/8), limit - min(reserve, limit/4)
}

// spare says whether a descriptor just opened can be given to a program, and closes it if not.
func (v *volume) spare(fd int) error {
	if int64(fd) < v.most.Load() {
		return nil
	}
	unix.Close(fd)
	return unix.ENFILE
}
