package replicate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"syncfs/replicate/session"
)

// A Kind is what a flush came to with one peer.
type Kind int

// The kinds of outcome, OK the one that is complete.
const (
	OK           Kind = iota // both hold, in place, what either had when the flush began
	Unreachable              // the peer could not be reached
	Failed                   // the session failed
	Held                     // steps on disk are held, refused, or put off while a program writes the file
	Unobtainable             // contents are wanted that the other doesn't have, or that the disk here refused
	Timeout                  // ctx ended first
)

func (k Kind) String() string {
	return [...]string{"ok", "unreachable", "failed", "held", "unobtainable", "timeout"}[k]
}

// An Outcome is what a flush came to with one peer. Err says why it is not OK.
type Outcome struct {
	Peer   string
	Kind   Kind
	Err    error
	Result session.Result
}

// Flush has sessions with the peers named, or all, now. What one peer lacks another may bring: those that
// lack contents are gone round again as long as that helps.
func (r *Replicator) Flush(ctx context.Context, names ...string) []Outcome {
	if err := r.callRoll(); err != nil {
		r.o.Logger.Error("peers", "err", err)
	}
	peers := r.named(names)
	outcomes := make([]Outcome, len(peers))
	var wg sync.WaitGroup
	for i, p := range peers {
		wg.Go(func() { outcomes[i] = r.flush(ctx, p) })
	}
	wg.Wait()
	for left, before := lacking(outcomes), math.MaxInt; left > 0 && left < before && len(peers) > 1; {
		for i, p := range peers {
			if outcomes[i].Kind == Unobtainable {
				wg.Go(func() { outcomes[i] = r.flush(ctx, p) })
			}
		}
		wg.Wait()
		left, before = lacking(outcomes), left
	}
	return outcomes
}

// lacking is how many contents were wanted, on all sides.
func lacking(outcomes []Outcome) int {
	n := 0
	for _, o := range outcomes {
		if o.Kind == Unobtainable {
			n += o.Result.Ours.Wanted + o.Result.Theirs.Wanted
		}
	}
	return n
}

// named is the peers of these names, or all, by name.
func (r *Replicator) named(names []string) []*peer {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(r.peers))
	}
	var peers []*peer
	for _, name := range names {
		p := r.peers[name]
		if p == nil {
			p = newPeer(name)
		}
		peers = append(peers, p)
	}
	return peers
}

// again is how long after a session the next one is, with a peer whose scan was still running, or where files were being
// written.
const again = 100 * time.Millisecond

// Patience is how long a flush that has no end set waits for files that are being written, here or on a peer; longScan
// how long for a peer's scan.
const (
	Patience = 10 * time.Second
	longScan = 10 * time.Minute
)

// flush has a session with one peer, and further ones for as long as the peer itself has yet to find out what was
// changed there before.
func (r *Replicator) flush(ctx context.Context, p *peer) Outcome {
	result, err := r.session(ctx, p)
	w := waiting{from: r.o.Now()}
	_, w.bounded = ctx.Deadline()
	for err == nil && w.worth(result) && pause(ctx, again) {
		result, err = r.session(ctx, p)
	}
	o := Outcome{Peer: p.name, Result: result, Err: err}
	ours, theirs := result.Ours, result.Theirs
	switch {
	case err == nil && theirs.Scanning:
		o.Kind, o.Err = Timeout, errors.New("the scan of its folder has not ended")
	case err == nil && w.written(result):
		o.Kind, o.Err = Timeout, fmt.Errorf("files are still being written there: `syncfs status` on %s names them", p.name)
	case err == nil && ours.Steps+theirs.Steps > 0:
		o.Kind = Held
		o.Err = fmt.Errorf("%d changes are held, refused by the disk or put off here, %d on %s: `syncfs status` there names them",
			ours.Steps, theirs.Steps, p.name)
	case err == nil && result.Refused > 0:
		o.Kind = Unobtainable
		o.Err = fmt.Errorf("%d contents were refused by the disk here: %w", result.Refused, result.Err)
	case err == nil && ours.Wanted+theirs.Wanted > 0:
		o.Kind = Unobtainable
		o.Err = fmt.Errorf("%d contents are wanted here that %s doesn't have, %d there that are not here", ours.Wanted, p.name, theirs.Wanted)
	case err == nil:
	case ctx.Err() != nil:
		o.Kind, o.Err = Timeout, fmt.Errorf("not done in time: %w", err)
	case errors.Is(err, ErrUnreachable), errors.Is(err, session.ErrSilent), errors.Is(err, session.ErrClosed):
		o.Kind = Unreachable
	default:
		o.Kind = Failed
	}
	return o
}

// A waiting is that of a flush for a peer.
type waiting struct {
	from    time.Time // since when what is begun there is not waited for
	bounded bool      // the flush ends by itself
}

// worth says whether there may soon be more to be had.
func (w waiting) worth(r session.Result) bool {
	waited := r.Ended.Sub(w.from)
	return r.Theirs.Scanning && (w.bounded || waited < longScan) || w.written(r) && (w.bounded || waited < Patience)
}

// written says whether a file is being written that was before: in a session all durations that the peer tells are
// taken after it began.
func (w waiting) written(r session.Result) bool {
	return r.Theirs.Writing > 0 && r.Theirs.Writing >= r.Began.Sub(w.from)
}

// pause waits, and says whether ctx has not ended by then.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
