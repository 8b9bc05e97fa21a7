package session

import (
	"context"
	"fmt"
	"sync"

	"syncfs/journal/item"
)

// How many requests for small contents, and how many large contents, are under way at once.
const (
	smallAtOnce = contentStreams * window
	largeAtOnce = 16
)

// A gatherer fetches what is wanted for a session, many contents at once. Its methods are for one goroutine at
// a time, but stop.
type gatherer struct {
	fetcher
	ctx   context.Context // ends, with the cause, when a transfer fails for good
	fail  context.CancelCauseFunc
	tried map[item.Hash]bool
	small chan struct{} // room for requests
	large chan struct{} // room for contents
	early chan struct{} // room for either while joining: the join is what all else waits for
	wg    sync.WaitGroup
}

func newGatherer(ctx context.Context, l *Line) *gatherer {
	g := &gatherer{
		fetcher: fetcher{Line: l, asker: l.content}, tried: map[item.Hash]bool{},
		small: make(chan struct{}, smallAtOnce), large: make(chan struct{}, largeAtOnce), early: make(chan struct{}, 1),
	}
	g.ctx, g.fail = context.WithCancelCause(ctx)
	return g
}

// stop returns when nothing is fetched any more.
func (g *gatherer) stop() {
	g.fail(context.Canceled)
	g.wg.Wait()
}

// whileJoining fetches what is wanted by then each time that there may be more, until there is no more or ctx
// ends.
func (g *gatherer) whileJoining(ctx context.Context, more <-chan struct{}) error {
	defer context.AfterFunc(ctx, func() { g.fail(context.Cause(ctx)) })()
	for range more {
		if _, err := g.pass(false); err != nil {
			return err
		}
	}
	return nil
}

// all fetches what is wanted here and to be had from the peer, once its states are joined.
func (g *gatherer) all() error {
	early := len(g.tried) > 0
	for again := true; again; {
		others, err := g.pass(true)
		if err != nil {
			return err
		}
		g.wg.Wait()
		// What comes from another peer is waited for: it counts for this session's end, and it may fail.
		again = len(others) > 0
		for _, tr := range others {
			select {
			case <-tr.over:
			case <-g.ctx.Done():
			}
		}
		if g.ctx.Err() != nil {
			return context.Cause(g.ctx)
		}
		if !again && early {
			early, again = false, g.askAgain()
		}
	}
	return nil
}

// askAgain has what was gone be asked for once more, if anything was: where states were still coming, the last of them
// may tell of it.
func (g *gatherer) askAgain() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, root := range g.gone {
		delete(g.tried, root)
	}
	n := len(g.gone)
	g.r.Lacking, g.gone = g.r.Lacking-n, nil
	return n > 0
}

// pass begins to fetch what is wanted and was not tried before. Coming: what is on its way and does not come, too. It
// returns the transfers that other sessions have claimed.
func (g *gatherer) pass(coming bool) (others []*transfer, err error) {
	small, large := g.small, g.large
	if !coming {
		small, large = g.early, g.early
	}
	var few parcel
	for w, wrong := range g.local.Wanted(g.ctx, g.passed, coming) {
		if wrong != nil {
			err = local(g.ctx, fmt.Errorf("wanted contents: %w", wrong))
			break
		}
		if g.ctx.Err() != nil {
			break
		}
		tr, mine := g.o.Transfers.claim(w, g.Peer())
		if !mine {
			others = append(others, tr)
			continue
		}
		g.tried[w.Root] = true
		if w.Size > Small {
			g.begin(large, []job{{w, tr}})
			continue
		}
		if few.size+w.Size > target || len(few.jobs) == maxThings {
			g.begin(small, few.jobs)
			few = parcel{}
		}
		few.add(job{w, tr})
	}
	if len(few.jobs) > 0 {
		g.begin(small, few.jobs)
	}
	if err == nil && g.ctx.Err() != nil {
		err = context.Cause(g.ctx)
	}
	return others, err
}

func (g *gatherer) passed(root item.Hash) bool { return g.tried[root] }

// begin fetches jobs as soon as there is room.
func (g *gatherer) begin(room chan struct{}, jobs []job) {
	select {
	case room <- struct{}{}:
	case <-g.ctx.Done():
		g.abandon(jobs)
		return
	}
	g.wg.Go(func() {
		defer func() { <-room }()
		if err := g.do(g.ctx, jobs); err != nil {
			g.fail(err)
		}
	})
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
