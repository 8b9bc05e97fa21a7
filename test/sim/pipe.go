package sim

import (
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"net"

	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate/chunk"
	"syncfs/replicate/session"
)

// session brings each of two replicas what the other has, by the protocol that peers speak.
func (w *World) session(a, b *Replica) {
	if a == b {
		return
	}
	w.logf("%s <-> %s", a.name, b.name)
	a.lag, b.lag = w.look(a), w.look(b)
	here, there := newPipe(a.name, b.name)
	ctx, cancel := context.WithCancel(context.Background())
	dialed := session.New(here, local{w, a}, session.Options{Name: a.name, Dialed: true})
	answering := session.New(there, local{w, b}, session.Options{Name: b.name})
	ended := make(chan error, 2)
	go func() { ended <- dialed.Serve(ctx) }()
	go func() { ended <- answering.Serve(ctx) }()
	_, err := dialed.Run(ctx)
	cancel()
	<-ended
	<-ended
	w.must(err)
	maps.Copy(a.seen, b.seen)
	maps.Copy(b.seen, a.seen)
	a.now, b.now = nil, nil
	w.fsync(a)
	w.fsync(b)
}

// local is a replica as its session sees it. It wants no content: that comes by itself, as the
// history has it.
type local struct {
	w *World
	r *Replica
}

func (l local) Begin(ctx context.Context) (version.Vector, error) { return l.r.tree.Stamp(ctx) }

func (l local) Offer(_ context.Context, have version.Vector, knowledge func(version.Vector) error, state func(*item.Item) error) error {
	return l.r.tree.Offer(have, knowledge, state)
}

func (l local) Join(_ context.Context, states iter.Seq2[*item.Item, error], knowledge version.Vector, part func()) error {
	return l.r.tree.Join(states, knowledge, part)
}

func (l local) Wanted(context.Context, func(item.Hash) bool, bool) iter.Seq2[session.Want, error] {
	return func(func(session.Want, error) bool) {}
}

func (l local) Stage(context.Context, session.Want) (session.Stage, error) {
	return nil, errors.New("there is no content")
}

func (l local) Rest(context.Context) (session.Rest, error) { return session.Rest{}, nil }
func (l local) Settle(context.Context) error               { return nil }

func (l local) List(context.Context, item.Hash) (chunk.List, error) {
	return chunk.List{}, chunk.ErrGone
}

func (l local) ReadContent(context.Context, item.Hash) ([]byte, error) { return nil, chunk.ErrGone }
func (l local) ReadChunk(context.Context, chunk.Hash) ([]byte, error)  { return nil, chunk.ErrGone }

// A pipe is one end of a connection in memory.
type pipe struct {
	peer   string
	opened chan<- net.Conn
	accept <-chan net.Conn
	context.Context
	cancel context.CancelFunc
}

// newPipe makes both ends of a connection.
func newPipe(a, b string) (here, there *pipe) {
	ctx, cancel := context.WithCancel(context.Background())
	x, y := make(chan net.Conn), make(chan net.Conn)
	return &pipe{b, x, y, ctx, cancel}, &pipe{a, y, x, ctx, cancel}
}

func (p *pipe) Open(ctx context.Context) (io.ReadWriteCloser, error) {
	here, there := net.Pipe()
	for _, c := range []net.Conn{here, there} {
		context.AfterFunc(p.Context, func() { c.Close() })
	}
	select {
	case p.opened <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.Done():
		return nil, net.ErrClosed
	}
}

func (p *pipe) Accept(ctx context.Context) (io.ReadWriteCloser, error) {
	select {
	case c := <-p.accept:
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.Done():
		return nil, net.ErrClosed
	}
}

func (p *pipe) Peer() string { return p.peer }
func (p *pipe) Close() error { p.cancel(); return nil }
