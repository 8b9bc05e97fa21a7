package replicate_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"syncfs/replicate"
	"syncfs/replicate/session"
)

// A flush waits for what was being written on a peer before it, for a while or as long as it was given, and not for what
// is begun meanwhile; for a scan that seems to have no end it waits no more than long.
func TestFlushWaitsForWhatWasBegunBefore(t *testing.T) {
	for _, c := range []struct {
		name     string
		timeout  time.Duration // 0: none
		programs func(now time.Duration, r *session.Rest)
		kind     replicate.Kind
		from, to time.Duration // how long it takes
	}{
		{"a log that is written all the time", 0, func(now time.Duration, r *session.Rest) {
			r.Writing = now + time.Hour
		}, replicate.Timeout, replicate.Patience, replicate.Patience + 2*time.Second},
		{"with a timeout", time.Minute, func(now time.Duration, r *session.Rest) {
			r.Writing = now + time.Hour
		}, replicate.Timeout, time.Minute, time.Minute + time.Second},
		{"a file that is closed after a while", 0, func(now time.Duration, r *session.Rest) {
			if now < 5*time.Second {
				r.Writing = now + time.Hour
			}
		}, replicate.OK, 5 * time.Second, 6 * time.Second},
		{"one file after another", 0, func(_ time.Duration, r *session.Rest) {
			r.Writing = 20 * time.Millisecond
		}, replicate.OK, 0, time.Second},
		{"a scan", 0, func(now time.Duration, r *session.Rest) {
			r.Scanning = now < time.Minute
		}, replicate.OK, time.Minute, time.Minute + time.Second},
		{"a scan without end", 0, func(_ time.Duration, r *session.Rest) {
			r.Scanning = true
		}, replicate.Timeout, time.Minute, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(t)
				home := n.add("home", replicate.Off)
				laptop := n.add("laptop", replicate.Off, "home")
				home.Write("closed", []byte("before"))
				start := time.Now()
				home.Busy(func(r *session.Rest) { c.programs(time.Since(start), r) })
				ctx := t.Context()
				if c.timeout > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.timeout)
					defer cancel()
				}
				got := laptop.Flush(ctx)
				wantOutcome(t, got, "home", c.kind)
				if d := time.Since(start); d < c.from || d > c.to {
					t.Errorf("it took %v, not %v to %v", d, c.from, c.to)
				}
				wantFiles(t, laptop, map[string]string{"closed": "before"})
			})
		})
	}
}
