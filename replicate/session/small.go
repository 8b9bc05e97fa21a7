package session

import (
	"context"
	"fmt"

	"syncfs/journal/item"
	"syncfs/replicate/chunk"
	"syncfs/replicate/session/wire"
)

// doSmall fetches small contents with one request: whole, and checked by being split here.
func (f *fetcher) doSmall(ctx context.Context, jobs []job) error {
	answers, err := f.askContents(ctx, jobs)
	if err != nil {
		f.abandon(jobs)
		return err
	}
	for i, j := range jobs {
		c, err := f.take(ctx, j, answers[i])
		if err := f.count(ctx, j, c, err); err != nil {
			f.abandon(jobs[i+1:])
			return err
		}
	}
	return nil
}

// abandon ends transfers that came to nothing because the session ends.
func (f *fetcher) abandon(jobs []job) {
	for _, j := range jobs {
		j.transfer.end(false)
	}
}

func (f *fetcher) askContents(ctx context.Context, jobs []job) ([][]byte, error) {
	var request wire.Contents
	var bounds []int
	for _, j := range jobs {
		request.Roots = append(request.Roots, j.Want.Root[:])
		bounds = append(bounds, int(j.Want.Size))
	}
	return f.asker.ask(ctx, &wire.Request{Kind: &wire.Request_Contents{Contents: &request}}, bounds)
}

// take takes in what the peer answered.
func (f *fetcher) take(ctx context.Context, j job, data []byte) (came, error) {
	if data == nil {
		return came{}, chunk.ErrGone
	}
	if err := f.put(ctx, j, data); err != nil {
		return came{}, err
	}
	return came{fetched: j.Want.Size}, nil
}

// put commits a whole content.
func (f *fetcher) put(ctx context.Context, j job, data []byte) error {
	l := chunk.Bytes(data)
	if root := l.Root(); root != j.Want.Root {
		return wrong(j.Want.Root, "content", root)
	}
	s, err := f.local.Stage(ctx, j.Want)
	if err != nil {
		return local(ctx, err)
	}
	defer s.Close()
	if _, err := s.WriteAt(data, 0); err != nil {
		return local(ctx, err)
	}
	return local(ctx, s.Commit(ctx, l))
}

func wrong(asked item.Hash, what string, got item.Hash) error {
	return fmt.Errorf("%w: %s %s for %s", ErrContent, what, got, asked)
}
