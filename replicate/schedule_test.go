package replicate

import (
	"testing"
	"time"
)

func TestSchedules(t *testing.T) {
	last := time.Date(2026, 11, 22, 10, 15, 30, 0, time.UTC)
	for _, c := range []struct {
		interval, cron string
		next           time.Duration // 0: never
	}{
		{"", "", 15 * time.Second},
		{"1m", "", time.Minute},
		{"off", "", 0},
		{"off", "*/30 * * * *", 14*time.Minute + 30*time.Second},
		{"", "@hourly", 44*time.Minute + 30*time.Second},
	} {
		s, err := ParseSchedule(c.interval, c.cron)
		if err != nil {
			t.Error(err)
		}
		next := s.Next(last)
		if next.IsZero() != (c.next == 0) || c.next != 0 && next.Sub(last) != c.next {
			t.Errorf("%q %q: %s", c.interval, c.cron, next)
		}
	}
	for _, c := range [][2]string{{"often", ""}, {"1ms", ""}, {"-1s", ""}, {"", "now"}, {"", "* * *"}} {
		if _, err := ParseSchedule(c[0], c[1]); err == nil {
			t.Errorf("%q is taken", c)
		}
	}
}

func TestBackoff(t *testing.T) {
	for _, c := range []struct {
		failures int
		random   float64
		want     time.Duration
	}{
		{1, 0.5, 5 * time.Second},
		{2, 0.5, 10 * time.Second},
		{1, 0, 3750 * time.Millisecond},
		{7, 0.5, 5 * time.Minute},
		{1_000_000, 0.5, 5 * time.Minute},
	} {
		if got := backoff(c.failures, c.random); got != c.want {
			t.Errorf("%d failures, %v: %s, want %s", c.failures, c.random, got, c.want)
		}
	}
}
