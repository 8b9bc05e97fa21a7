package daemon

import (
	"context"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"syncfs/journal"
)

const (
	// restFor is how long the daemon must have had next to nothing to do, to give memory back.
	restFor = 4 * time.Second
	// restShare is what it may have used of a processor in that time.
	restShare = 50
	// enough is what it may keep.
	enough = 100 << 20
)

// letGo gives memory back whenever much was done and nothing is any more, until ctx ends: the collector's, and that of the
// journal. Once is enough, until there was something to do again.
func letGo(ctx context.Context, log *slog.Logger) error {
	each := time.NewTicker(restFor)
	defer each.Stop()
	var before time.Duration
	done := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-each.C:
		}
		used, err := processorTime()
		if err != nil {
			return err
		}
		idle := used-before < restFor/restShare
		before = used
		if !idle {
			done = false
			continue
		}
		if done || resident() < enough {
			continue
		}
		done = true
		debug.FreeOSMemory()
		if err := journal.LetGo(); err != nil {
			log.Warn("memory is not given back", "err", err)
		}
	}
}

// processorTime is what this process has used of the processors.
func processorTime() (time.Duration, error) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0, os.NewSyscallError("getrusage", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// resident is what this process holds in memory; 0: the kernel doesn't tell.
func resident() int {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	pages, err := strconv.Atoi(f[1])
	if err != nil {
		return 0
	}
	return pages * os.Getpagesize()
}
