package sim

import (
	"flag"
	"fmt"
	"strings"
	"testing"
)

var (
	seed      = flag.Int64("seed", 0, "run the history of this seed alone; 0: as many as -histories says")
	first     = flag.Int64("first", 1, "the first seed of many")
	histories = flag.Int("histories", 0, "how many histories to run; 0: 200, or 50 with -short")
	length    = flag.Int("length", 40, "how long they are: from 5 steps to 4 more than this")
)

func TestHistories(t *testing.T) {
	from, n := *first, int64(*histories)
	switch {
	case *seed != 0:
		from, n = *seed, 1
	case n == 0 && testing.Short():
		n = 50
	case n == 0:
		n = 200
	}
	operations, rounds := 0, 0
	for s := from; s < from+n; s++ {
		u, steps := Draw(s, *length)
		r := Run(u, steps, false)
		if r.Failure != "" {
			report(t, u, steps)
		}
		operations += r.Operations
		rounds = max(rounds, r.Rounds)
	}
	t.Logf("seeds %d to %d: %d operations of programs; all met in %d rounds or fewer", from, from+n-1, operations, rounds)
}

// report makes a failing history short, and ends the test with it.
func report(t *testing.T, u Setup, steps []Step) {
	t.Helper()
	u, steps = Shrink(u, steps)
	r := Run(u, steps, true)
	t.Fatalf("seed %d: %s\nin %d steps of %d replicas:\n%s\nto see it again: go test ./test/sim -run TestHistories -seed %d -length %d",
		u.Seed, r.Failure, len(steps), u.Replicas, strings.Join(r.Log, "\n"), u.Seed, *length)
}

// A seed is worth something only if it always tells the same story.
func TestHistoriesReplay(t *testing.T) {
	for s := range int64(5) {
		u, steps := Draw(s+1, 40)
		story := func() string { return fmt.Sprint(Run(u, steps, true)) }
		if a, b := story(), story(); a != b {
			t.Errorf("seed %d once\n%s\nand once\n%s", s+1, a, b)
		}
	}
}
