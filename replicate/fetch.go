package replicate

import (
	"context"
	"errors"
	"fmt"

	"syncfs/replicate/chunk"
	"syncfs/replicate/session"
)

// Fetch fetches a content that a program waits for: from the peers that are connected, and if none has it
// from the others. The error wraps chunk.ErrGone if all were asked and none has it.
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
	var away []error
	for _, p := range append(connected, others...) {
		err := r.fetchFrom(ctx, p, w)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if !errors.Is(err, chunk.ErrGone) {
			away = append(away, err)
		}
	}
	if len(away) > 0 {
		return errors.Join(away...)
	}
	return fmt.Errorf("content %s: no peer has it: %w", w.Root, chunk.ErrGone)
}

func (r *Replicator) fetchFrom(ctx context.Context, p *peer, w session.Want) error {
	l, _, err := r.connect(ctx, p)
	if err != nil {
		return err
	}
	return l.Fetch(ctx, w)
}
