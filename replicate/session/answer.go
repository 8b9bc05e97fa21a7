package session

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"syncfs/journal/item"
	"syncfs/replicate/chunk"
	"syncfs/replicate/session/wire"
)

// twoPackets is what is written at once: a little less than two packets of SSH hold.
const twoPackets = 63 << 10

// answer answers the requests on a content stream that the peer opened, one after another, until it
// ends.
func (l *Line) answer(stream io.ReadWriteCloser) error {
	m := &monitored{stream, newWatch(l.o.Idle, func() {}), &l.sent, &l.received}
	r, w := bufio.NewReader(m), bufio.NewWriterSize(m, twoPackets)
	for {
		var request wire.Request
		if err := wire.Read(r, &request, maxRequest); err != nil {
			return framed(err)
		}
		parts, err := l.parts(&request)
		if err != nil {
			return err
		}
		if err := write(w, parts); err != nil {
			return err
		}
	}
}

func write(w *bufio.Writer, parts [][]byte) error {
	var answer wire.Answer
	for _, p := range parts {
		answer.Parts = append(answer.Parts, &wire.Part{Gone: p == nil, Size: uint32(len(p))})
	}
	header, err := wire.Append(nil, &answer)
	if err != nil {
		return err
	}
	for _, b := range slices.Insert(parts, 0, header) {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return w.Flush()
}

// parts are what was asked for; nil stands for what is gone.
func (l *Line) parts(request *wire.Request) ([][]byte, error) {
	var hashes [][]byte
	var one func(item.Hash) ([]byte, error)
	switch k := request.Kind.(type) {
	case *wire.Request_Contents:
		hashes = k.Contents.Roots
		one = func(h item.Hash) ([]byte, error) { return l.local.ReadContent(l.ctx, h) }
	case *wire.Request_Chunks:
		hashes = k.Chunks.Hashes
		one = func(h item.Hash) ([]byte, error) { return l.local.ReadChunk(l.ctx, h) }
	case *wire.Request_Nodes:
		return l.nodes(k.Nodes)
	default:
		return nil, violation("a request of an unknown kind")
	}
	return l.each(hashes, one)
}

func (l *Line) each(hashes [][]byte, one func(item.Hash) ([]byte, error)) ([][]byte, error) {
	if len(hashes) > maxThings {
		return nil, violation("a request for %d things", len(hashes))
	}
	parts := make([][]byte, len(hashes))
	total := 0
	for i, b := range hashes {
		h, err := hash(b)
		if err != nil {
			return nil, err
		}
		parts[i], err = one(h)
		switch {
		case l.ctx.Err() != nil:
			return nil, context.Cause(l.ctx)
		case err != nil:
			parts[i] = nil
			if !errors.Is(err, chunk.ErrGone) {
				l.o.Logger.Warn("content can't be read for a peer", "peer", l.Peer(), "hash", h, "err", err)
			}
		}
		if total += len(parts[i]); total > maxAnswer {
			return nil, violation("a request for over %d bytes", maxAnswer)
		}
	}
	return parts, nil
}

func hash(b []byte) (item.Hash, error) {
	if len(b) != len(item.Hash{}) {
		return item.Hash{}, violation("a hash of %d bytes", len(b))
	}
	return item.Hash(b), nil
}

// nodes are nodes of the tree of one content.
func (l *Line) nodes(request *wire.Nodes) ([][]byte, error) {
	root, err := hash(request.Root)
	if err != nil {
		return nil, err
	}
	tree, err := l.trees.get(root, func() (chunk.List, error) { return l.local.List(l.ctx, root) })
	if errors.Is(err, chunk.ErrGone) {
		return make([][]byte, max(1, len(request.Hashes))), nil
	}
	if err != nil {
		return nil, local(l.ctx, fmt.Errorf("chunks of content %s: %w", root, err))
	}
	if len(request.Hashes) == 0 {
		n, _ := tree.Root(root)
		b, err := n.MarshalBinary()
		return [][]byte{b}, err
	}
	return l.each(request.Hashes, func(h item.Hash) ([]byte, error) {
		n, ok := tree.Node(h)
		if !ok {
			return nil, chunk.ErrGone
		}
		return n.MarshalBinary()
	})
}

// trees keeps the trees of the contents last asked about: a tree is asked for level by level.
type trees struct {
	mu   sync.Mutex // guards last; held while a tree is built, nothing of the session is locked after it
	last []rooted   // the latest first
}

type rooted struct {
	root item.Hash
	tree *chunk.Tree
}

const keptTrees = 8

func (t *trees) get(root item.Hash, list func() (chunk.List, error)) (*chunk.Tree, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.IndexFunc(t.last, func(r rooted) bool { return r.root == root }); i >= 0 {
		return t.last[i].tree, nil
	}
	l, err := list()
	if err != nil {
		return nil, err
	}
	tree := chunk.NewTree(l)
	t.last = slices.Insert(t.last, 0, rooted{root, tree})
	t.last = t.last[:min(len(t.last), keptTrees)]
	return tree, nil
}
