package session

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"syncfs/journal/version"
	"syncfs/replicate/session/wire"
)

// session has one session; opening is the peer's, on the side that was dialed.
func (l *Line) session(opening *wire.Opening) error {
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel()
	l.expect(true)
	defer l.expect(false)
	l.wg.Go(func() { l.control.ping(ctx) })

	x := &exchange{Line: l, r: Result{Peer: l.conn.Peer(), Began: l.o.Now(), Skew: l.skew}}
	sent, received := l.sent.Load(), l.received.Load()
	if err := x.run(ctx, opening); err != nil {
		return err
	}
	x.r.Ended = l.o.Now()
	x.r.Sent, x.r.Received = l.sent.Load()-sent, l.received.Load()-received
	l.o.Report(x.r)
	l.turns.end(x.asked, x.r)
	return nil
}

// An exchange is one session while it lasts.
type exchange struct {
	*Line
	asked     uint64 // how many of this side's demands for a session it answers
	knowledge version.Vector
	scanning  bool // when it began: what was found since may not be in it
	r         Result
}

func (x *exchange) run(ctx context.Context, theirs *wire.Opening) error {
	ours, theirs, err := x.open(ctx, theirs)
	if err != nil {
		return err
	}
	x.r.Theirs = rest(theirs.Rest)
	equal := bytes.Equal(ours.Digest, theirs.Digest)
	if equal && ours.Rest.Wanted == 0 && theirs.Rest.GetWanted() == 0 {
		x.r.Knowledge = x.knowledge
		return nil
	}
	g := newGatherer(ctx, x.Line)
	defer g.stop()
	if !equal {
		if err := x.states(ctx, g); err != nil {
			return err
		}
	}
	if err := g.all(); err != nil {
		return err
	}
	x.r.Contents, x.r.Fetched, x.r.Reused = g.r.Contents, g.r.Fetched, g.r.Reused
	x.r.Lacking, x.r.Refused, x.r.Err = g.r.Lacking, g.r.Refused, g.r.Err
	return x.end(ctx)
}

// open exchanges openings.
func (x *exchange) open(ctx context.Context, theirs *wire.Opening) (*wire.Opening, *wire.Opening, error) {
	asked, knocks := x.turns.begin()
	if theirs != nil {
		asked, knocks = theirs.Knocks, 0
	}
	x.asked = asked
	before, err := x.local.Rest(ctx)
	if err != nil {
		return nil, nil, local(ctx, fmt.Errorf("rest: %w", err))
	}
	x.scanning = before.Scanning
	known, err := x.local.Begin(ctx)
	if err != nil {
		return nil, nil, local(ctx, fmt.Errorf("begin: %w", err))
	}
	x.knowledge, x.r.Knowledge = known, known
	at, err := x.rest(ctx)
	if err != nil {
		return nil, nil, err
	}
	digest := known.Digest()
	ours := &wire.Opening{Digest: digest[:], Rest: at, Knocks: knocks}
	if err := x.control.send(ctx, &wire.Message{Kind: &wire.Message_Opening{Opening: ours}}); err != nil {
		return nil, nil, err
	}
	if theirs == nil {
		m, err := x.next(ctx)
		if err != nil {
			return nil, nil, err
		}
		if theirs = m.GetOpening(); theirs == nil {
			return nil, nil, unexpected(m)
		}
	}
	return ours, theirs, nil
}

// next is the next message of the session.
func (x *exchange) next(ctx context.Context) (*wire.Message, error) {
	for {
		m, err := x.control.receive(ctx)
		if err != nil {
			return nil, err
		}
		if m.GetKnock() == nil || !x.o.Dialed {
			return m, nil
		}
		x.turns.knock()
	}
}

// end tells the peer what is left to be done here, and hears what is there. The side that was dialed speaks
// last, and no more: when the other has heard it the session is over for both.
func (x *exchange) end(ctx context.Context) error {
	if err := x.local.Settle(ctx); err != nil {
		return local(ctx, fmt.Errorf("settle: %w", err))
	}
	if x.o.Dialed {
		if err := x.sendEnd(ctx); err != nil {
			return err
		}
	}
	m, err := x.next(ctx)
	if err != nil {
		return err
	}
	theirs := m.GetEnd()
	if theirs == nil {
		return unexpected(m)
	}
	x.r.Theirs = rest(theirs.Rest)
	if !x.o.Dialed {
		return x.sendEnd(ctx)
	}
	return nil
}

func (x *exchange) sendEnd(ctx context.Context) error {
	at, err := x.rest(ctx)
	if err != nil {
		return err
	}
	return x.control.send(ctx, &wire.Message{Kind: &wire.Message_End{End: &wire.End{
		Rest: at, Lacking: uint64(x.r.Lacking),
	}}})
}

// rest asks what is left to be done here, and notes it.
func (x *exchange) rest(ctx context.Context) (*wire.Rest, error) {
	at, err := x.local.Rest(ctx)
	if err != nil {
		return nil, local(ctx, fmt.Errorf("rest: %w", err))
	}
	at.Scanning = at.Scanning || x.scanning
	x.r.Ours = at
	return &wire.Rest{Wanted: uint64(at.Wanted), Steps: uint64(at.Steps), Scanning: at.Scanning, Writing: millis(at.Writing)}, nil
}

func rest(w *wire.Rest) Rest {
	return Rest{
		Wanted: count(w.GetWanted()), Steps: count(w.GetSteps()), Scanning: w.GetScanning(),
		Writing: time.Duration(count(w.GetWriting())) * time.Millisecond,
	}
}

// millis is a duration as it is told, longer by what does not fit.
func millis(d time.Duration) uint64 { return uint64((d + time.Millisecond - 1) / time.Millisecond) }

// count makes a number that a peer says fit to reckon with.
func count(n uint64) int { return int(min(n, 1<<40)) }
