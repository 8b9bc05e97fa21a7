package replicate

import (
	"context"
	"errors"
	"fmt"

	"syncfs/replicate/chunk"
	"syncfs/replicate/session"
)

// Fetch fetches a content that a program waits for: from the peers that are connected, and if none has it
// from whichever of the others can be reached first. The error wraps chunk.ErrGone if all were asked and none
// has it.
func (r *Replicator) Fetch(ctx context.Context, w session.Want) error {
	r.mu.Lock()
	var connected, others []*peer
	for _, p := range r.peers {
		if len(p.lines) > 0 {
			connected = append(connected, p)
		} else if p.dialable {
			others = append(others, p)
		}
	}
	r.mu.Unlock()
	err := r.fetchFromAny(ctx, connected, w)
	if err != nil && ctx.Err() == nil && len(others) > 0 {
		if more := r.fetchFromAny(ctx, others, w); more == nil || !errors.Is(more, chunk.ErrGone) {
			return more
		}
	}
	return err
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
