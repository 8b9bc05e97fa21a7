package disk

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"syncfs/journal/change"
)

func TestPace(t *testing.T) {
	for _, c := range []struct {
		name         string
		changes      uint64
		within, took time.Duration
		want         time.Duration
	}{
		{"nothing", 0, time.Second, time.Second, 0},
		{"few", 400, time.Second, 100 * time.Millisecond, 0},
		{"many", 100, 100 * time.Millisecond, 5 * time.Millisecond, 50 * time.Millisecond},
		{"many, after a long turn", 5000, time.Second, 900 * time.Millisecond, pause},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pace{at: time.Now(), last: 7}
				<-time.After(c.within)
				if got := p.next(c.took, 7+c.changes); got != c.want {
					t.Errorf("%v, want %v", got, c.want)
				}
			})
		})
	}
}

// Nobody who asks or waits for the journal waits for the end of a pause, nor does what has come to be much; and it ends
// with the storm.
func TestYield(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &Folder{queue: newQueue(), asks: make(chan ask)}
		took := func(asked bool) time.Duration {
			t.Helper()
			began := time.Now()
			if was, err := f.yield(t.Context(), time.Minute); was != asked || err != nil {
				t.Errorf("asked: %t, want %t; %v", was, asked, err)
			}
			return time.Since(began)
		}
		if d := took(false); d != calm {
			t.Errorf("a pause took %v after the storm was over", d)
		}
		raging, over := context.WithTimeout(t.Context(), 20*time.Second)
		defer over()
		go func() {
			for raging.Err() == nil {
				for range 2 * storm / 100 {
					f.queue.add(recorded{Change: change.Change{Kind: change.Create}})
				}
				<-time.After(10 * time.Millisecond)
			}
		}()
		if d := took(false); d < 20*time.Second || d > 21*time.Second {
			t.Errorf("a pause took %v of a storm of 20 s", d)
		}
		go func() { f.asks <- ask{func() error { return nil }, make(chan error, 1)} }()
		if d := took(true); d != 0 {
			t.Errorf("who asks waits for %v", d)
		}
		f.waiters = []waiter{{}}
		if d := took(false); d != 0 {
			t.Errorf("who waits does for %v", d)
		}
		f.waiters = nil
		for range backlog + 1 {
			f.queue.add(recorded{Change: change.Change{Kind: change.Create}})
		}
		if d := took(false); d != 0 {
			t.Errorf("with a full queue the pause is %v", d)
		}
	})
}
