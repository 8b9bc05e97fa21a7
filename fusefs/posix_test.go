package fusefs

import (
	"runtime"
	"testing"

	"github.com/hanwen/go-fuse/v2/posixtest"
)

func TestPosix(t *testing.T) {
	for name, test := range posixtest.All {
		if name == "FcntlFlockLocksFile" {
			continue // wants a process to be locked out by its own lock, which Linux does not do
		}
		t.Run(name, func(t *testing.T) { test(t, start(t).dir) })
	}
}

// Some deadlocks show only when one thread does all.
func TestPosixOnOneProcessor(t *testing.T) {
	t.Setenv("GOMAXPROCS", "1")
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	TestPosix(t)
}
