package session

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"syncfs/journal/item"
	"syncfs/replicate/chunk"
)

// Fetch fetches one content from the peer, at once and beside any session: a program waits for it. It is
// back when the content is committed; the error wraps chunk.ErrGone if the peer doesn't have it.
func (l *Line) Fetch(ctx context.Context, w Want) error {
	for {
		tr, mine := l.o.Transfers.claim(w, l.Peer())
		if mine {
			return l.fetchNow(ctx, job{w, tr})
		}
		select {
		case <-tr.over:
			if tr.here {
				return nil
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-l.ctx.Done():
			return l.ended()
		}
	}
}

func (l *Line) fetchNow(ctx context.Context, j job) error {
	f := &fetcher{Line: l, asker: l.urgent}
	err := f.do(ctx, []job{j})
	if errors.Is(err, ErrContent) || errors.Is(err, ErrProtocol) {
		l.fail(err)
	}
	if err == nil && f.r.Lacking > 0 {
		err = fmt.Errorf("content %s: %s doesn't have it: %w", j.Root, l.Peer(), chunk.ErrGone)
	}
	if err == nil {
		err = f.r.Err
	}
	return err
}

// A job is a wanted content whose transfer is claimed.
type job struct {
	Want
	*transfer
}

// A fetcher fetches contents from the peer and counts them.
type fetcher struct {
	*Line
	asker *asker

	mu   sync.Mutex // guards what follows; nothing is locked after it
	r    Result
	gone []item.Hash // what the peer does not have
}

// do fetches one large content, or small ones.
func (f *fetcher) do(ctx context.Context, jobs []job) error {
	if len(jobs) == 1 && jobs[0].Want.Size > Small {
		c, err := f.large(ctx, jobs[0])
		return f.count(ctx, jobs[0], c, err)
	}
	return f.doSmall(ctx, jobs)
}

// came says where the bytes of a content came from.
type came struct{ fetched, reused int64 }

// count ends a transfer. An error that stays is one that ends the session.
func (f *fetcher) count(ctx context.Context, j job, c came, err error) error {
	j.transfer.end(err == nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.r.Fetched += c.fetched
	f.r.Reused += c.reused
	var mine *localError
	switch {
	case err == nil:
		f.r.Contents++
	case ctx.Err() != nil:
		return err
	case errors.As(err, &mine):
		f.r.Refused++
		if f.r.Err == nil {
			f.r.Err = fmt.Errorf("content %s: %w", j.Want.Root, err)
		}
	case errors.Is(err, chunk.ErrGone):
		f.r.Lacking++
		f.gone = append(f.gone, j.Want.Root)
	default:
		return err
	}
	return nil
}
