package signature

import (
	"math"
	"testing"
)

func TestNanoseconds(t *testing.T) {
	for _, c := range []struct{ sec, nsec, want int64 }{
		{0, 0, 0},
		{1, 5, 1e9 + 5},
		{-1, 5, -1e9 + 5},
		{9223372035, 999999999, 9223372035999999999},
		{9223372036, 0, math.MaxInt64},
		{15032385535, 1, math.MaxInt64}, // the last second of ext4
		{-9223372035, 0, -9223372035e9},
		{-9223372036, 0, math.MinInt64},
		{math.MinInt64, 0, math.MinInt64},
	} {
		if got := Nanoseconds(c.sec, c.nsec); got != c.want {
			t.Errorf("%d.%09d: %d, want %d", c.sec, c.nsec, got, c.want)
		}
	}
}
