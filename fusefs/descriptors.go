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

// raiseDescriptors has the process be allowed as many descriptors as can be, and says from which number on none is for what
// programs have open. Each file that they have open takes one.
func raiseDescriptors(privil bool) int {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return math.MaxInt
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
	limit := int(min(l.Cur, math.MaxInt32))
	return max(limit-reserve, limit/4)
}

// spare says whether a descriptor just opened can be given to a program, and closes it if not.
func (v *volume) spare(fd int) error {
	if int64(fd) < v.most.Load() {
		return nil
	}
	unix.Close(fd)
	return unix.ENFILE
}
