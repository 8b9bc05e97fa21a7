package sim

import (
	"flag"
	"strings"
	"testing"
)

var (
	seed   = flag.Int64("seed", 0, "run the history of this seed alone; 0: those from 1 on")
	count  = flag.Int("histories", 1000, "how many histories to run")
	length = flag.Int("length", 40, "a history has 5 to 4 steps more than this")
)

func TestHistories(t *testing.T) {
	first, last := int64(1), int64(*count)
	if testing.Short() {
		last = 100
	}
	if *seed != 0 {
		first, last = *seed, *seed
	}
	operations, rounds := 0, 0
	for s := first; s <= last; s++ {
		u, steps := Draw(s, *length)
		r := Run(u, steps, false)
		if r.Failure != "" {
			report(t, u, steps)
		}
		operations += r.Operations
		rounds = max(rounds, r.Rounds)
	}
	t.Logf("seeds %d to %d: %d operations of programs, quiescent in %d rounds or fewer", first, last, operations, rounds)
}

// report makes a failing history short, and ends the test with it.
func report(t *testing.T, u Setup, steps []Step) {
	t.Helper()
	u, steps = Shrink(u, steps)
	r := Run(u, steps, true)
	t.Fatalf("seed %d: %s\nin %d steps of %d replicas:\n%s\nto see it again: go test ./test/sim -run TestHistories -seed %d -length %d",
		u.Seed, r.Failure, len(steps), u.Replicas, strings.Join(r.Log, "\n"), u.Seed, *length)
}
