package replicate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"syncfs/replicate/session"
)

// ErrUnreachable says that a peer could not be dialed, or has no address to dial.
var ErrUnreachable = errors.New("unreachable")

// connect returns an open connection with the peer, and whether it was made for this.
func (r *Replicator) connect(ctx context.Context, p *peer) (l *session.Line, fresh bool, err error) {
	select {
	case p.dialing <- struct{}{}:
		defer func() { <-p.dialing }()
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
	if l := r.open(p); l != nil {
		return l, false, nil
	}
	r.mu.Lock()
	dialable := p.dialable
	r.mu.Unlock()
	if !dialable {
		return nil, false, fmt.Errorf("%w: it has no address here and has not dialed; `syncfs peer add %s ADDRESS` gives it one",
			ErrUnreachable, p.name)
	}
	conn, err := r.o.Dial(ctx, p.name)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	l = r.attach(p, conn, true)
	if !r.begin(func() { r.serve(r.ctx, p, l) }) {
		r.detach(p, l)
		conn.Close()
		return nil, false, ErrEnded
	}
	return l, true, nil
}

// open is an open connection with the peer, or nil.
func (r *Replicator) open(p *peer) *session.Line {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range p.lines {
		select {
		case <-l.Done():
		default:
			return l
		}
	}
	return nil
}

func (r *Replicator) attach(p *peer, conn session.Conn, dialed bool) *session.Line {
	l := session.New(conn, r.o.Local, session.Options{
		Name: r.o.Name, Dialed: dialed, Now: r.o.Now, Idle: r.o.Idle, Logger: r.o.Logger,
		Transfers: &r.transfers,
		Report:    func(result session.Result) { r.report(p, result) },
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if dialed {
		p.lines = slices.Insert(p.lines, 0, l)
	} else {
		p.lines = append(p.lines, l)
	}
	return l
}

func (r *Replicator) detach(p *peer, l *session.Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.lines = slices.DeleteFunc(p.lines, func(o *session.Line) bool { return o == l })
}

// serve serves a connection until it ends. That it ended while nothing was under way is no failure.
func (r *Replicator) serve(ctx context.Context, p *peer, l *session.Line) error {
	defer r.detach(p, l)
	err := l.Serve(ctx)
	if ctx.Err() != nil || errors.Is(err, session.ErrClosed) {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p.status.LastError = err.Error()
	return err
}

// Serve serves a connection that a peer has made, until it, ctx or Run ends.
func (r *Replicator) Serve(ctx context.Context, conn session.Conn) error {
	defer conn.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(r.ctx, func() { cancel(ErrEnded) })()
	p := r.peer(conn.Peer(), r.dialable(conn.Peer()))
	l := r.attach(p, conn, false)
	return r.serve(ctx, p, l)
}

// dialable tells whether a peer that has dialed us can be dialed, as far as is known.
func (r *Replicator) dialable(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[name]
	return p != nil && p.dialable
}
