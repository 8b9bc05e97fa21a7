package replicate

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"syncfs/replicate/chunk"
	"syncfs/replicate/session"
)

// Fetch fetches a content that a program waits for: from the peers that are connected, and if none has it
// from whichever of the others can be reached first. The error wraps chunk.ErrGone if all were asked and none
// has it: by then what they have instead is known here, of those that it could be had from.
func (r *Replicator) Fetch(ctx context.Context, w session.Want) error {
	r.mu.Lock()
	var connected, others, away []*peer
	for _, p := range r.peers {
		switch {
		case len(p.lines) > 0:
			connected = append(connected, p)
		case p.dialable:
			others = append(others, p)
		default:
			away = append(away, p)
		}
	}
	r.mu.Unlock()
	err := r.fetchFromAny(ctx, connected, w)
	if err != nil && ctx.Err() == nil && len(others) > 0 {
		if more := r.fetchFromAny(ctx, others, w); more == nil || !errors.Is(more, chunk.ErrGone) {
			return more
		}
	}
	if errors.Is(err, chunk.ErrGone) {
		if len(away) > 0 {
			return fmt.Errorf("content %s: %w: %s may have it", w.Root, ErrUnreachable, away[0].name)
		}
		r.hear(ctx, append(connected, others...))
	}
	return err
}

// hear has a session with each of the peers, or as many as there is time for.
func (r *Replicator) hear(ctx context.Context, peers []*peer) {
	var wg sync.WaitGroup
	for _, p := range peers {
		wg.Go(func() { _, _ = r.session(ctx, p) }) // what fails is in the status
	}
	wg.Wait()
}

// fetchFromAny asks all the peers at once; one of them transfers the content. If none has it the error is
// of a peer that couldn't be asked, rather than of one that doesn't have it.
func (r *Replicator) fetchFromAny(ctx context.Context, peers []*peer, w session.Want) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan error, len(peers))
	for _, p := range peers {
		if !r.begin(func() { answers <- r.fetchFrom(ctx, p, w) }) {
			return ErrEnded
		}
	}
	err := fmt.Errorf("content %s: no peer has it: %w", w.Root, chunk.ErrGone)
	for range peers {
		answer := <-answers
		if answer == nil {
			return nil
		}
		if !errors.Is(answer, chunk.ErrGone) {
			err = answer
		}
	}
	return err
}

func (r *Replicator) fetchFrom(ctx context.Context, p *peer, w session.Want) error {
	l, _, err := r.connect(ctx, p)
	if err != nil {
		return err
	}
	return l.Fetch(ctx, w)
}
