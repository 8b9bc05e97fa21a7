package disk

import (
	"context"
	"errors"
	"time"

	"syncfs/journal"
)

const (
	// gather is how long changes are gathered into one transaction.
	gather = 10 * time.Millisecond
	// group bounds the changes in one transaction.
	group = 500
)

// An ask is a function for the loop to run.
type ask struct {
	run  func() error
	done chan error
}

// A waiter waits until something holds, or ctx ends.
type waiter struct {
	ctx   context.Context
	holds func() bool
	done  chan struct{}
}

// A timer is something to do later.
type timer struct {
	at  time.Time
	run func(b *batch) error
}

// loop makes all changes of the journal that come from the disk, and all steps on the disk.
func (f *Folder) loop(ctx context.Context) error {
	if err := f.open(); err != nil {
		return err
	}
	pace := pace{at: time.Now()}
	for {
		if err := f.roomy(ctx); err != nil {
			return err
		}
		began := time.Now()
		busy, err := f.turn(ctx)
		switch {
		case noRoom(err): // what is not journaled is done again
			if err := f.starve(ctx, err); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		f.publish()
		f.settled(ctx, &pace)
		asked, err := f.yield(ctx, pace.next(time.Since(began), f.queue.last()))
		if err != nil {
			return err
		}
		if asked {
			continue
		}
		if err := f.rest(ctx, busy); err != nil {
			return err
		}
	}
}

// open counts what the journal says is on disk. What a killed daemon has left there is durable before the journal
// takes note of it.
func (f *Folder) open() error {
	if err := f.disk.Durable(nil); err != nil {
		return err
	}
	if err := f.journal.View(func(tx *journal.Tx) error { return f.held.take(tx, 0) }); err != nil {
		return err
	}
	f.absent.Store(int64(f.held.absent))
	return f.staging.recover()
}

// turn does some of everything that there is to do. Busy: there is more.
func (f *Folder) turn(ctx context.Context) (busy bool, err error) {
	if err := f.drain(); err != nil {
		return false, err
	}
	if err := f.expireTimers(); err != nil {
		return false, err
	}
	if err := f.commitAll(f.found()); err != nil {
		return false, err
	}
	if err := f.hand(); err != nil {
		return false, err
	}
	more, err := f.execute(ctx)
	return more || len(f.results) > 0, err
}

// rest waits until there is something to do.
func (f *Folder) rest(ctx context.Context, busy bool) error {
	if busy {
		select {
		case a := <-f.asks:
			a.done <- a.run()
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		return nil
	}
	var alarm <-chan time.Time
	if d, ok := f.nextTimer(); ok {
		t := time.NewTimer(d)
		defer t.Stop()
		alarm = t.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case a := <-f.asks:
		a.done <- a.run()
	case <-f.queue.wake:
		if len(f.waiters) == 0 {
			_, err := f.idle(ctx, gather) // changes come together
			return err
		}
	case l := <-f.results:
		return f.commitAll(append(l, f.found()...))
	case <-f.staging.wake:
	case <-alarm:
	}
	return nil
}

// idle lets some time pass, or has the loop run what it is asked to.
func (f *Folder) idle(ctx context.Context, d time.Duration) (asked bool, err error) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case a := <-f.asks:
		a.done <- a.run()
		return true, nil
	case <-t.C:
		return false, nil
	}
}

// drain journals all changes recorded so far.
func (f *Folder) drain() error {
	for last := f.queue.last(); f.journaled < last; {
		n := min(group, int(last-f.journaled))
		if err := f.inParts(1, func(b *batch, _ int) error { return b.catchUp(b.upTo + uint64(n)) }); err != nil {
			if !errors.Is(err, journal.ErrTooLarge) {
				return err
			}
			if err := f.drainOne(n); err != nil {
				return err
			}
		}
	}
	return nil
}

// drainOne journals n changes, each in a transaction of its own.
func (f *Folder) drainOne(n int) error {
	for range n {
		if err := f.update(func(b *batch) error { return b.catchUp(b.upTo + 1) }); err != nil {
			return err
		}
	}
	return nil
}

// catchUp journals the changes up to the order number n.
func (b *batch) catchUp(n uint64) error {
	for b.upTo < n {
		l := b.f.queue.after(b.upTo, int(n-b.upTo))
		if len(l) == 0 {
			return nil
		}
		for _, c := range l {
			b.upTo++
			if err := b.take(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// inParts does n things in as few transactions as they fit in.
func (f *Folder) inParts(n int, do func(b *batch, i int) error) error {
	for from, size := 0, n; from < n; {
		size = min(size, n-from)
		err := f.update(func(b *batch) error {
			for i := from; i < from+size; i++ {
				if err := do(b, i); err != nil {
					return err
				}
			}
			return nil
		})
		switch {
		case err == nil:
			from += size
		case errors.Is(err, journal.ErrTooLarge) && size > 1:
			size /= 2
		default:
			return err
		}
	}
	return nil
}

// found is what the workers have found, as much as goes into a transaction.
func (f *Folder) found() []taken {
	var l []taken
	for {
		select {
		case more := <-f.results:
			l = append(l, more...)
			if err := f.hand(); err != nil || len(l) >= group {
				return l
			}
		default:
			return l
		}
	}
}

func (f *Folder) later(d time.Duration, run func(b *batch) error) {
	f.timers = append(f.timers, timer{f.options.Now().Add(d), run})
}

func (f *Folder) nextTimer() (time.Duration, bool) {
	if len(f.timers) == 0 {
		return 0, false
	}
	first := f.timers[0].at
	for _, t := range f.timers[1:] {
		if t.at.Before(first) {
			first = t.at
		}
	}
	return max(first.Sub(f.options.Now()), 0), true
}

func (f *Folder) expireTimers() error {
	now := f.options.Now()
	var due, rest []timer
	for _, t := range f.timers {
		if t.at.After(now) {
			rest = append(rest, t)
		} else {
			due = append(due, t)
		}
	}
	f.timers = rest
	err := f.inParts(len(due), func(b *batch, i int) error {
		return due[i].run(b)
	})
	if err != nil {
		f.timers = append(f.timers, due...)
	}
	return err
}

// do has the loop run fn between two transactions.
func (f *Folder) do(ctx context.Context, fn func() error) error {
	a := ask{fn, make(chan error, 1)}
	select {
	case f.asks <- a:
	case <-ctx.Done():
		return ctx.Err()
	case <-f.done:
		return ErrClosed
	}
	select {
	case err := <-a.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-f.done:
		return ErrClosed
	}
}

// nudge has the loop ask those who wait.
func (f *Folder) nudge(ctx context.Context) { _ = f.do(ctx, func() error { return nil }) }

// await returns when holds does; the loop asks it.
func (f *Folder) await(ctx context.Context, holds func() bool) error {
	w := waiter{ctx, holds, make(chan struct{})}
	err := f.do(ctx, func() error {
		f.waiters = append(f.waiters, w)
		return nil
	})
	if err != nil {
		return err
	}
	select {
	case <-w.done:
		return nil
	case <-ctx.Done(): // the loop finds that out for itself: it may have ended
		return ctx.Err()
	case <-f.done:
		return ErrClosed
	}
}

// publish tells those who wait, and has the status say what is now.
func (f *Folder) publish() {
	l := f.waiters[:0]
	for _, w := range f.waiters {
		if w.ctx.Err() != nil {
			continue
		}
		if w.holds() {
			close(w.done)
		} else {
			l = append(l, w)
		}
	}
	f.waiters = l
	f.setStatus()
}
