package session

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

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

// How many requests for small contents, and how many large contents, are under way at once.
const (
	smallAtOnce = contentStreams * window
	largeAtOnce = 16
)

// A job is a wanted content whose transfer is claimed.
type job struct {
	Want
	*transfer
}

// A fetcher fetches contents from the peer and counts them.
type fetcher struct {
	*Line
	asker *asker
	tried map[item.Hash]bool

	mu sync.Mutex // guards r; nothing is locked after it
	r  Result
}

// fetchWanted fetches what is wanted here and to be had from the peer.
func (x *exchange) fetchWanted(ctx context.Context) error {
	f := &fetcher{Line: x.Line, asker: x.content, tried: map[item.Hash]bool{}}
	for again := true; again; {
		others, err := f.pass(ctx)
		if err != nil {
			return err
		}
		// What comes from another peer is waited for: it counts for this session's end, and it may fail.
		again = len(others) > 0
		for _, tr := range others {
			select {
			case <-tr.over:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
	x.r.Contents, x.r.Fetched, x.r.Reused = f.r.Contents, f.r.Fetched, f.r.Reused
	x.r.Lacking, x.r.Refused, x.r.Err = f.r.Lacking, f.r.Refused, f.r.Err
	return nil
}

// pass fetches what is wanted and was not tried before. It returns the transfers that other sessions have
// claimed.
func (f *fetcher) pass(ctx context.Context) (others []*transfer, err error) {
	g, ctx := errgroup.WithContext(ctx)
	small := make(chan struct{}, smallAtOnce)
	large := make(chan struct{}, largeAtOnce)
	begin := func(room chan struct{}, jobs []job, do func(context.Context, []job) error) {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			f.abandon(jobs)
			return
		}
		g.Go(func() error {
			defer func() { <-room }()
			return do(ctx, jobs)
		})
	}
	var few parcel
	for w, wrong := range f.local.Wanted(ctx) {
		if wrong != nil {
			err = local(ctx, fmt.Errorf("wanted contents: %w", wrong))
			break
		}
		if ctx.Err() != nil {
			break
		}
		if f.tried[w.Root] {
			continue
		}
		tr, mine := f.o.Transfers.claim(w, f.Peer())
		if !mine {
			others = append(others, tr)
			continue
		}
		f.tried[w.Root] = true
		if w.Size > Small {
			begin(large, []job{{w, tr}}, f.do)
			continue
		}
		if few.size+w.Size > target || len(few.jobs) == maxThings {
			begin(small, few.jobs, f.do)
			few = parcel{}
		}
		few.add(job{w, tr})
	}
	begin(small, few.jobs, f.do)
	return others, errors.Join(err, g.Wait())
}

// A parcel is what one request asks for.
type parcel struct {
	jobs []job
	size int64
}

func (p *parcel) add(j job) {
	p.jobs = append(p.jobs, j)
	p.size += j.Want.Size
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
	default:
		return err
	}
	return nil
}
