package disk

import (
	"context"
	"time"
)

const (
	// storm is how many changes a second are so many that programs should have the machine for themselves.
	storm = 500
	// share is what part of the time the loop works while there is a storm.
	share = 10
	// pause is the longest that it does nothing then,
	pause = 5 * time.Second
	// and calm how long it takes to see that the storm is over.
	calm = 50 * time.Millisecond
	// backlog is how many changes may be in the queue before it works all the time again.
	backlog = 100_000
)

// A pace tells how long to wait after each turn of the loop, so that programs which change much are not slowed down
// by the record of it. What they remove again at once is then never read at all.
type pace struct {
	at    time.Time // when it was asked last
	last  uint64    // the last change there was then
	storm bool      // there has been one, and what it left is not taken in
}

// next is how long to wait after a turn that took so long, and after which last was the last change recorded.
func (p *pace) next(took time.Duration, last uint64) time.Duration {
	now := time.Now()
	many := float64(last-p.last) > storm*now.Sub(p.at).Seconds()
	p.at, p.last = now, last
	if !many {
		return 0
	}
	p.storm = true
	return min(share*took, pause)
}

// settled has what a storm has left go to disk, and be stamped, once all of it is taken in: a session that begins then
// has less to do before it can tell of it.
func (f *Folder) settled(ctx context.Context, p *pace) {
	if p.storm && f.journaled == f.queue.last() && f.works.settled() == 0 {
		p.storm = false
		f.hurry()
		if err := f.Stamp(ctx); err != nil {
			f.log.Debug("not stamped yet", "err", err) // the session tries again, and tells
		}
	}
}

// yield does nothing for a while, unless somebody waits for the journal, too much waits for it, or the storm is over. It
// ends where the loop is asked something: who waits now may wait for what is so already.
func (f *Folder) yield(ctx context.Context, d time.Duration) (asked bool, err error) {
	for ; d > 0 && len(f.waiters) == 0 && f.queue.length() <= backlog; d -= calm {
		last := f.queue.last()
		if asked, err = f.idle(ctx, min(d, calm)); asked || err != nil {
			return asked, err
		}
		if float64(f.queue.last()-last) < storm*calm.Seconds() {
			return false, nil
		}
	}
	return false, nil
}
