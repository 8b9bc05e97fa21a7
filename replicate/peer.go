package replicate

import (
	"context"
	"errors"
	"time"

	"syncfs/replicate/session"
)

// A peer is what the Replicator knows and holds of one; the Replicator's mutex guards what changes.
type peer struct {
	name      string
	due       chan struct{} // has room for one: something was changed here
	dialing   chan struct{} // has room for one: who is in it dials
	dismissed chan struct{} // closed when it is no peer any more

	dialable bool
	lines    []*session.Line // that are open, those we dialed first
	running  int             // sessions that this side asked for
	tried    time.Time
	failures int // one after another
	status   PeerStatus
}

func newPeer(name string) *peer {
	return &peer{
		name: name, status: PeerStatus{Name: name},
		due: make(chan struct{}, 1), dialing: make(chan struct{}, 1), dismissed: make(chan struct{}),
	}
}

func (p *peer) nudge() {
	select {
	case p.due <- struct{}{}:
	default:
	}
}

// keep has sessions with a peer whenever they are due.
func (r *Replicator) keep(p *peer) {
	for {
		if !r.awaitDue(p) {
			return
		}
		if r.reachable(p) {
			r.session(r.ctx, p)
		}
	}
}

// awaitDue waits until a session is due, or there is to be none any more.
func (r *Replicator) awaitDue(p *peer) bool {
	at, changes := r.next(p)
	var timer <-chan time.Time
	if !at.IsZero() {
		t := time.NewTimer(at.Sub(r.o.Now()))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-timer:
	case <-changes:
	case <-p.dismissed:
		return false
	case <-r.ctx.Done():
		return false
	}
	return true
}

// next is when the next session is to be tried, and what may make it due earlier: a peer that is away is
// not tried at each change.
func (r *Replicator) next(p *peer) (time.Time, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := p.status.LastSession
	if p.tried.After(last) {
		last = p.tried
	}
	at := r.o.Schedule.Next(last)
	changes := p.due
	if p.failures > 0 && len(p.lines) == 0 {
		changes = nil
		if again := p.tried.Add(backoff(p.failures, r.o.Rand())); !at.IsZero() && again.After(at) {
			at = again
		}
	}
	p.status.NextTry = at
	return at, changes
}

// reachable tells whether there is any way to the peer.
func (r *Replicator) reachable(p *peer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.tried = r.o.Now()
	return p.dialable || len(p.lines) > 0
}

// session has a session with a peer. One on a connection that was open already and turns out to be dead
// is tried again on a new one.
func (r *Replicator) session(ctx context.Context, p *peer) (session.Result, error) {
	r.count(p, 1)
	defer r.count(p, -1)
	result, err := r.attempt(ctx, p)
	if ctx.Err() != nil {
		return result, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p.tried = r.o.Now()
	if err == nil {
		return result, nil // reported
	}
	p.failures++
	if p.status.LastError != err.Error() {
		r.o.Logger.Warn("session", "peer", p.name, "err", err)
	}
	p.status.LastError = err.Error()
	return result, err
}

func (r *Replicator) attempt(ctx context.Context, p *peer) (session.Result, error) {
	l, fresh, err := r.connect(ctx, p)
	if err != nil {
		return session.Result{}, err
	}
	result, err := l.Run(ctx)
	lost := errors.Is(err, session.ErrClosed) || errors.Is(err, session.ErrSilent)
	if lost && !fresh && ctx.Err() == nil {
		if l, _, err = r.connect(ctx, p); err != nil {
			return session.Result{}, err
		}
		return l.Run(ctx)
	}
	return result, err
}

func (r *Replicator) count(p *peer, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.running += n
}

// report takes in what a session came to, whichever side asked for it.
func (r *Replicator) report(p *peer, result session.Result) {
	r.mu.Lock()
	p.failures = 0
	s := &p.status
	s.LastSession, s.LastError = result.Ended, ""
	s.Skew, s.Knowledge = result.Skew, result.Knowledge
	s.Wanted, s.Steps = result.Theirs.Wanted, result.Theirs.Steps
	s.Unobtainable = result.Lacking
	s.Sent += result.Sent
	s.Received += result.Received
	status := *s
	r.mu.Unlock()

	level := r.o.Logger.Debug
	if result.StatesSent+result.StatesReceived+result.Contents > 0 {
		level = r.o.Logger.Info
	}
	level("session", "peer", p.name, "sent", result.StatesSent, "received", result.StatesReceived,
		"contents", result.Contents, "bytes_out", result.Sent, "bytes_in", result.Received)
	r.o.Remember(status)
	if result.StatesReceived > 0 {
		r.Changed() // for the other peers
	}
}
