// Package sessiontest has what tests of sessions need: connections in memory, that may vanish without a
// word, and a replica in memory.
package sessiontest

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"syncfs/replicate/session"
)

// A Pipe is a connection in memory between two peers.
type Pipe struct {
	A, B session.Conn // A is the side at a, whose peer is b

	vanished chan struct{}
	vanish   sync.Once
}

// NewPipe connects a with b. Of what is written to a stream it holds buffer pieces of at most 32 KiB;
// with none, who writes waits for who reads.
func NewPipe(a, b string, buffer int) *Pipe {
	p := &Pipe{vanished: make(chan struct{})}
	ca := &conn{pipe: p, peer: b, buffer: buffer, accept: make(chan *stream, 64), closed: make(chan struct{})}
	cb := &conn{pipe: p, peer: a, buffer: buffer, accept: make(chan *stream, 64), closed: make(chan struct{})}
	ca.other, cb.other = cb, ca
	p.A, p.B = ca, cb
	return p
}

// Vanish takes the connection away as a dead battery does: nothing arrives any more, and nobody is told.
func (p *Pipe) Vanish() { p.vanish.Do(func() { close(p.vanished) }) }

func (p *Pipe) gone() bool {
	select {
	case <-p.vanished:
		return true
	default:
		return false
	}
}

type conn struct {
	pipe   *Pipe
	peer   string
	other  *conn
	buffer int
	accept chan *stream
	closed chan struct{}
	once   sync.Once
}

var errGone = errors.New("the connection is closed")

func (c *conn) Peer() string { return c.peer }

func (c *conn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// over is closed when the other side is known to be closed.
func (c *conn) over() <-chan struct{} {
	if c.pipe.gone() {
		return nil
	}
	return c.other.closed
}

func (c *conn) Open(ctx context.Context) (io.ReadWriteCloser, error) {
	there, back := make(chan []byte, c.buffer), make(chan []byte, c.buffer)
	closedHere, closedThere := make(chan struct{}), make(chan struct{})
	mine := &stream{conn: c, in: back, out: there, closed: closedHere, far: closedThere}
	theirs := &stream{conn: c.other, in: there, out: back, closed: closedThere, far: closedHere}
	to := c.other.accept
	if c.pipe.gone() {
		to = nil
	}
	select {
	case to <- theirs:
		return mine, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-c.closed:
		return nil, errGone
	case <-c.over():
		return nil, errGone
	}
}

func (c *conn) Accept(ctx context.Context) (io.ReadWriteCloser, error) {
	select {
	case s := <-c.accept:
		return s, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-c.closed:
		return nil, errGone
	case <-c.over():
		return nil, io.EOF
	}
}

type stream struct {
	conn    *conn
	in, out chan []byte
	left    []byte
	closed  chan struct{} // this side
	far     chan struct{} // the other
	once    sync.Once
}

func (s *stream) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

const piece = 32 << 10

func (s *stream) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		b := append([]byte(nil), p[n:min(len(p), n+piece)]...)
		out, far := s.out, s.far
		if s.conn.pipe.gone() {
			out, far = nil, nil
		}
		select {
		case out <- b:
			n += len(b)
		case <-s.closed:
			return n, net.ErrClosed
		case <-s.conn.closed:
			return n, net.ErrClosed
		case <-far:
			return n, io.ErrClosedPipe
		case <-s.conn.over():
			return n, io.ErrClosedPipe
		case <-s.conn.pipe.vanishing():
		}
	}
	return n, nil
}

// vanishing is closed when the connection vanishes, and nil when it has: who waits looks again, once.
func (p *Pipe) vanishing() <-chan struct{} {
	if p.gone() {
		return nil
	}
	return p.vanished
}

func (s *stream) Read(p []byte) (int, error) {
	for len(s.left) == 0 {
		in, far := s.in, s.far
		if s.conn.pipe.gone() {
			in, far = nil, nil
		}
		select {
		case s.left = <-in:
			continue
		default:
		}
		select {
		case s.left = <-in:
		case <-s.closed:
			return 0, net.ErrClosed
		case <-s.conn.closed:
			return 0, net.ErrClosed
		case <-far:
			return 0, s.drain()
		case <-s.conn.over():
			return 0, s.drain()
		case <-s.conn.pipe.vanishing():
		}
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}

// drain looks for what arrived before the other side closed.
func (s *stream) drain() error {
	select {
	case s.left = <-s.in:
		return nil
	default:
		return io.EOF
	}
}
