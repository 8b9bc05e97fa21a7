package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"syncfs/journal/item"
	"syncfs/replicate/chunk"
	"syncfs/replicate/session/wire"
)

// nodesAtOnce is how many nodes one request asks for: their answer is no longer than other answers.
const nodesAtOnce = 128

// large fetches one large content: its list by those nodes of its tree that are not known here, then the
// chunks that are not in the folder.
func (f *fetcher) large(ctx context.Context, j job) (came, error) {
	list, err := f.list(ctx, j.Want)
	if err != nil {
		return came{}, err
	}
	s, err := f.local.Stage(ctx, j.Want)
	if err != nil {
		return came{}, local(ctx, err)
	}
	defer s.Close()
	a := &arrival{fetcher: f, job: j, stage: s, at: map[item.Hash][]int64{}}
	if err := a.chunks(ctx, list); err != nil {
		return a.came(), err
	}
	return a.came(), local(ctx, s.Commit(ctx, list))
}

// list learns the list of chunks of a content.
func (f *fetcher) list(ctx context.Context, w Want) (chunk.List, error) {
	if l, err := f.local.List(ctx, w.Root); err == nil {
		return l, nil
	}
	var near []chunk.List
	for _, root := range w.Near {
		if l, err := f.local.List(ctx, root); err == nil {
			near = append(near, l)
		}
	}
	a := chunk.NewAssembly(w.Root, w.Size, chunk.NewTree(near...))
	for refs := a.Missing(); len(refs) > 0; refs = a.Missing() {
		nodes, err := f.askNodes(ctx, w.Root, refs)
		if err != nil {
			return nil, err
		}
		if err := a.Give(nodes); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrContent, err)
		}
	}
	l, err := a.List()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrContent, err)
	}
	return l, nil
}

func (f *fetcher) askNodes(ctx context.Context, root item.Hash, refs []chunk.Ref) ([][]byte, error) {
	nodes := make([][]byte, len(refs))
	g, ctx := errgroup.WithContext(ctx)
	begin := 0
	for few := range slices.Chunk(refs, nodesAtOnce) {
		into := nodes[begin:]
		begin += len(few)
		g.Go(func() error {
			request := &wire.Nodes{Root: root[:]}
			for _, r := range few {
				if !r.Root {
					request.Hashes = append(request.Hashes, r.Hash[:])
				}
			}
			bounds := slices.Repeat([]int{chunk.MaxNode}, len(few))
			got, err := f.asker.ask(ctx, &wire.Request{Kind: &wire.Request_Nodes{Nodes: request}}, bounds)
			if err == nil && slices.ContainsFunc(got, func(b []byte) bool { return b == nil }) {
				err = chunk.ErrGone
			}
			copy(into, got)
			return err
		})
	}
	return nodes, g.Wait()
}

// An arrival is a large content while its chunks come together.
type arrival struct {
	*fetcher
	job
	stage           Stage
	at              map[item.Hash][]int64 // where in the content each chunk belongs
	fetched, reused atomic.Int64
}

func (a *arrival) came() came { return came{a.fetched.Load(), a.reused.Load()} }

// chunks brings all chunks of list to their places. What an earlier try left and what is in the folder
// is taken first; requests for the rest go on meanwhile.
func (a *arrival) chunks(ctx context.Context, list chunk.List) error {
	var once []chunk.Chunk
	for offset, c := range list.All() {
		if a.at[c.Hash] == nil {
			once = append(once, c)
		}
		a.at[c.Hash] = append(a.at[c.Hash], offset)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(contentStreams * window)
	var few []chunk.Chunk
	size := 0
	for _, c := range once {
		if ctx.Err() != nil {
			break
		}
		found, err := a.find(ctx, c)
		if err != nil {
			g.Go(func() error { return err })
			break
		}
		if found {
			continue
		}
		few = append(few, c)
		if size += c.Size; size >= target || len(few) == maxThings {
			full := few
			g.Go(func() error { return a.ask(ctx, full) })
			few, size = nil, 0
		}
	}
	if len(few) > 0 && ctx.Err() == nil {
		g.Go(func() error { return a.ask(ctx, few) })
	}
	return g.Wait()
}

// find looks for a chunk in its place, and anywhere in the folder.
func (a *arrival) find(ctx context.Context, c chunk.Chunk) (bool, error) {
	b := make([]byte, c.Size)
	for i, offset := range a.at[c.Hash] {
		if _, err := a.stage.ReadAt(b, offset); err == nil && chunk.Sum(b) == c.Hash {
			rest := slices.Delete(slices.Clone(a.at[c.Hash]), i, i+1)
			a.reused.Add(int64(c.Size))
			a.add(int64(c.Size))
			return true, a.write(b, rest, &a.reused)
		}
	}
	b, err := a.local.ReadChunk(ctx, c.Hash)
	if errors.Is(err, chunk.ErrGone) || err == nil && len(b) != c.Size {
		return false, nil
	}
	if err != nil {
		return false, local(ctx, err)
	}
	return true, a.write(b, a.at[c.Hash], &a.reused)
}

// ask asks the peer for chunks and brings them to their places.
func (a *arrival) ask(ctx context.Context, few []chunk.Chunk) error {
	var request wire.Chunks
	var bounds []int
	for _, c := range few {
		request.Hashes = append(request.Hashes, c.Hash[:])
		bounds = append(bounds, c.Size)
	}
	got, err := a.asker.ask(ctx, &wire.Request{Kind: &wire.Request_Chunks{Chunks: &request}}, bounds)
	if err != nil {
		return err
	}
	for i, c := range few {
		if got[i] == nil {
			return fmt.Errorf("chunk %s: %w", c.Hash, chunk.ErrGone)
		}
		if sum := chunk.Sum(got[i]); sum != c.Hash {
			return wrong(c.Hash, "chunk", sum)
		}
		offsets := a.at[c.Hash]
		if err := a.write(got[i], offsets[:1], &a.fetched); err != nil {
			return err
		}
		if err := a.write(got[i], offsets[1:], &a.reused); err != nil {
			return err
		}
	}
	return nil
}

func (a *arrival) write(b []byte, offsets []int64, count *atomic.Int64) error {
	for _, offset := range offsets {
		if _, err := a.stage.WriteAt(b, offset); err != nil {
			return &localError{err}
		}
		count.Add(int64(len(b)))
		a.add(int64(len(b)))
	}
	return nil
}
