package sshpeer

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"golang.org/x/crypto/ssh"
)

// backlog bounds the streams that the peer has opened and nobody has taken, each with a window of data.
const backlog = 32

// A Conn is an authenticated connection to a member. Its methods may be called by many at once.
type Conn struct {
	peer string
	key  Key
	wire *wire
	ssh  ssh.Conn

	before  struct{ sent, received int64 } // what the handshake took
	streams chan *stream
	done    chan struct{}
	workers sync.WaitGroup

	mu  sync.Mutex // guards why, and that nothing is started once it is set
	why error
}

// newConn starts what a connection does by itself: it answers requests, queues streams, asks a silent peer
// for a sign of life. All of it ends with the connection, and Close waits for it.
func newConn(ms *Members, member Member, key Key, w *wire, sc ssh.Conn, chans <-chan ssh.NewChannel, reqs <-chan *ssh.Request) (*Conn, error) {
	c := &Conn{peer: member.Name, key: key, wire: w, ssh: sc,
		streams: make(chan *stream, backlog), done: make(chan struct{})}
	c.before.sent, c.before.received = w.sent.Load(), w.received.Load()
	c.workers.Go(func() { ssh.DiscardRequests(reqs) })
	c.workers.Go(func() { c.queue(chans) })
	c.workers.Go(func() {
		// In words alone: no caller may take the end of the connection for that of a stream.
		c.end(faultf(ErrUnreachable, "the connection was lost: %s", sc.Wait().Error()))
		ms.forget(c)
		close(c.done)
	})
	if err := ms.admit(c); err != nil {
		c.end(err)
		c.workers.Wait()
		return nil, err
	}
	return c, nil
}

// Peer is the member's name.
func (c *Conn) Peer() string { return c.peer }

// Done is closed when the connection has ended; Err then says why.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err is why the connection ended; nil while it lives.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.why == nil {
		return nil
	}
	return &Error{Op: "stream", Peer: c.peer, Err: c.why}
}

// Traffic is the bytes on the wire since the handshake.
func (c *Conn) Traffic() (sent, received int64) {
	return c.wire.sent.Load() - c.before.sent, c.wire.received.Load() - c.before.received
}

// Close ends the connection and all its streams, at once. It waits for nothing that the peer does.
func (c *Conn) Close() error {
	c.end(net.ErrClosed)
	c.workers.Wait()
	return nil
}

// end notes the first reason and cuts the wire; everything else follows from that.
func (c *Conn) end(why error) {
	c.mu.Lock()
	if c.why == nil {
		c.why = c.wire.withWords(why)
	}
	c.mu.Unlock()
	_ = c.wire.Close() // the reason is noted; what closing says adds nothing
}

// spawn runs f beside the connection, unless that has ended; Close waits for it.
func (c *Conn) spawn(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.why == nil {
		c.workers.Go(f)
	}
}

// queue takes the streams that the peer opens, whether or not anybody waits for them: so opening one waits
// for no one either.
func (c *Conn) queue(chans <-chan ssh.NewChannel) {
	defer close(c.streams)
	for nc := range chans {
		switch {
		case nc.ChannelType() != streamType:
			_ = nc.Reject(ssh.UnknownChannelType, "only "+streamType+" is served")
		case len(c.streams) == backlog:
			_ = nc.Reject(ssh.ResourceShortage, "too many streams are waiting")
		default:
			if ch, reqs, err := nc.Accept(); err == nil { // else the connection is gone
				c.streams <- c.stream(ch, reqs)
			}
		}
	}
}

// Open opens a stream, which the peer gets from its Accept. It does not wait for that.
func (c *Conn) Open(ctx context.Context) (io.ReadWriteCloser, error) {
	type opened struct {
		ch   ssh.Channel
		reqs <-chan *ssh.Request
		err  error
	}
	result := make(chan opened)
	c.spawn(func() {
		ch, reqs, err := c.ssh.OpenChannel(streamType, nil)
		select {
		case result <- opened{ch, reqs, err}:
		case <-ctx.Done():
			if err == nil {
				go ssh.DiscardRequests(reqs)
				_ = ch.Close() // nobody waits for this stream any more
			}
		}
	})
	select {
	case o := <-result:
		if o.err != nil {
			return nil, c.because(o.err)
		}
		return c.stream(o.ch, o.reqs), nil
	case <-c.done:
		return nil, c.because(io.EOF)
	case <-ctx.Done():
		return nil, &Error{Op: "stream", Peer: c.peer, Err: ctx.Err()}
	}
}

// Accept takes the next stream that the peer has opened.
func (c *Conn) Accept(ctx context.Context) (io.ReadWriteCloser, error) {
	select {
	case s, ok := <-c.streams:
		if !ok {
			return nil, c.because(io.EOF)
		}
		return s, nil
	case <-ctx.Done():
		return nil, &Error{Op: "stream", Peer: c.peer, Err: ctx.Err()}
	}
}

func (c *Conn) stream(ch ssh.Channel, reqs <-chan *ssh.Request) *stream {
	c.spawn(func() { ssh.DiscardRequests(reqs) })
	return &stream{ch: ch, conn: c}
}

// because gives an error of the SSH library the reason for which the connection ended, if it has.
func (c *Conn) because(err error) error {
	if why := c.Err(); why != nil {
		return why
	}
	if errors.Is(err, io.EOF) {
		err = faultf(ErrUnreachable, "the connection was lost")
	}
	return &Error{Op: "stream", Peer: c.peer, Err: err}
}
