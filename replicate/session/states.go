package session

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate/session/wire"
)

// maxBatch is about how many bytes of states go in one message.
const maxBatch = 64 << 10

// states exchanges knowledge, and then the states that the other has not seen: both ways at once. While many
// are joined content is gathered that the first of them want.
func (x *exchange) states(ctx context.Context, content *gatherer) error {
	if err := x.sendKnowledge(ctx, x.knowledge); err != nil {
		return err
	}
	m, err := x.next(ctx)
	if err != nil {
		return err
	}
	theirs, err := knowledge(m)
	if err != nil {
		return err
	}
	var offered, joined version.Vector
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { offered, err = x.offer(ctx, theirs); return err })
	more := make(chan struct{}, 1)
	g.Go(func() (err error) {
		defer close(more)
		joined, err = x.join(ctx, theirs, func() {
			select {
			case more <- struct{}{}:
			default:
			}
		})
		return err
	})
	g.Go(func() error { return content.whileJoining(ctx, more) })
	err = g.Wait()
	x.r.Knowledge = offered.Join(joined)
	return err
}

func (x *exchange) sendKnowledge(ctx context.Context, v version.Vector) error {
	return x.control.send(ctx, &wire.Message{Kind: &wire.Message_Knowledge{Knowledge: &wire.Knowledge{Vector: v.Append(nil)}}})
}

func knowledge(m *wire.Message) (version.Vector, error) {
	if m.GetKnowledge() == nil {
		return nil, unexpected(m)
	}
	v, err := version.DecodeVector(m.GetKnowledge().Vector)
	if err != nil {
		return nil, violation("knowledge: %w", err)
	}
	return v, nil
}

// offer sends the states that the peer has not seen, and returns the knowledge that goes with them.
func (x *exchange) offer(ctx context.Context, theirs version.Vector) (version.Vector, error) {
	var b batch
	flush := func() error {
		if len(b.items) == 0 {
			return nil
		}
		x.r.StatesSent += len(b.items)
		err := x.control.send(ctx, &wire.Message{Kind: &wire.Message_States{States: &wire.States{Items: b.items}}})
		b = batch{}
		return err
	}
	ours := x.knowledge
	var failed error // of sending, which is no failure of this replica
	err := x.local.Offer(ctx, theirs, func(v version.Vector) error {
		if !v.Equal(ours) {
			ours = v
			failed = x.sendKnowledge(ctx, v)
		}
		return failed
	}, func(it *item.Item) error {
		if err := b.add(it); err != nil {
			return err
		}
		if b.size >= maxBatch {
			failed = flush()
		}
		return failed
	})
	if failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, local(ctx, fmt.Errorf("offer: %w", err))
	}
	if err := flush(); err != nil {
		return nil, err
	}
	end := &wire.StatesEnd{Count: uint64(x.r.StatesSent)}
	return ours, x.control.send(ctx, &wire.Message{Kind: &wire.Message_StatesEnd{StatesEnd: end}})
}

type batch struct {
	items [][]byte
	size  int
}

func (b *batch) add(it *item.Item) error {
	encoded, err := it.MarshalBinary()
	b.items = append(b.items, encoded)
	b.size += len(encoded)
	return err
}

// join takes in the states that the peer sends, and returns the knowledge that came with them. Part is called
// as Local.Join does.
func (x *exchange) join(ctx context.Context, theirs version.Vector, part func()) (version.Vector, error) {
	m, err := x.next(ctx)
	if err != nil {
		return nil, err
	}
	if m.GetKnowledge() != nil { // it has grown since the session began
		if theirs, err = knowledge(m); err != nil {
			return nil, err
		}
		if m, err = x.next(ctx); err != nil {
			return nil, err
		}
	}
	var failed error // of receiving, which is no failure of this replica
	states := func(yield func(*item.Item, error) bool) {
		failed = x.eachState(ctx, m, func(it *item.Item) bool { return yield(it, nil) })
		if failed != nil {
			yield(nil, failed)
		}
	}
	if m.GetStates() == nil && x.knowledge.Covers(theirs) {
		return theirs, x.eachState(ctx, m, nil)
	}
	err = x.local.Join(ctx, states, theirs, part)
	if failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, local(ctx, fmt.Errorf("join: %w", err))
	}
	return theirs, nil
}

// eachState gives the states in m and in the messages that follow, until the peer has sent all or yield
// has had enough.
func (x *exchange) eachState(ctx context.Context, m *wire.Message, yield func(*item.Item) bool) (err error) {
	for m.GetStates() != nil {
		for _, b := range m.GetStates().Items {
			it, err := item.Unmarshal(b)
			if err != nil {
				return violation("state: %w", err)
			}
			x.r.StatesReceived++
			if !yield(it) {
				return nil
			}
		}
		if m, err = x.next(ctx); err != nil {
			return err
		}
	}
	end := m.GetStatesEnd()
	if end == nil {
		return unexpected(m)
	}
	if end.Count != uint64(x.r.StatesReceived) {
		return violation("%d states came of %d", x.r.StatesReceived, end.Count)
	}
	return nil
}
