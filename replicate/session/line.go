package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"syncfs/replicate/session/wire"
)

// Options say how a Line runs. Name is the replica's; the rest may be zero.
type Options struct {
	Name      string
	Dialed    bool             // this side dialed: it begins the sessions
	Now       func() time.Time // default time.Now
	Idle      time.Duration    // after how long a peer that is silent is given up; default 30 s
	Transfers *Transfers       // shared by all Lines of a replica
	Report    func(Result)     // told of each session that ended well, whichever side asked for it
	Logger    *slog.Logger
}

// A Line is a connection with one peer, on which sessions run one after another and content is fetched. It
// serves the peer in the same ways.
type Line struct {
	conn  Conn
	local Local
	o     Options

	ctx  context.Context // ends, with the cause, when the connection does
	fail context.CancelCauseFunc

	sent, received atomic.Int64
	control        *control
	ready          chan struct{} // closed when the hellos have been exchanged
	skew           time.Duration
	busy           atomic.Bool // something is expected of the peer
	turns          *turns
	content        *asker // of sessions
	urgent         *asker // of Fetch
	trees          trees
	wg             sync.WaitGroup
}

// New makes a Line of a connection. It does nothing until Serve runs.
func New(conn Conn, local Local, o Options) *Line {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Idle == 0 {
		o.Idle = 30 * time.Second
	}
	if o.Transfers == nil {
		o.Transfers = new(Transfers)
	}
	if o.Report == nil {
		o.Report = func(Result) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Line{conn: conn, local: local, o: o, ready: make(chan struct{}), turns: newTurns()}
	l.ctx, l.fail = context.WithCancelCause(context.Background())
	l.content = newAsker(l, contentStreams)
	l.urgent = newAsker(l, 1)
	return l
}

// Serve runs the Line until the connection or ctx ends, and closes the connection. The error says what
// ended it; ErrClosed, when nothing was under way, is no failure.
func (l *Line) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { l.fail(context.Cause(ctx)) })
	defer stop()
	defer l.conn.Close()
	stream, err := l.first()
	if err != nil {
		l.fail(silent(closed(err)))
		return l.ended()
	}
	l.control = newControl(l, stream)
	hungUp := make(chan struct{})
	context.AfterFunc(l.ctx, func() {
		defer close(hungUp)
		l.hangUp()
	})
	l.wg.Go(l.control.read)
	l.wg.Go(l.control.write)
	l.fail(l.converse())
	<-hungUp
	l.wg.Wait()
	return l.ended()
}

// first is the control stream.
func (l *Line) first() (io.ReadWriteCloser, error) {
	ctx, cancel := l.patiently()
	defer cancel()
	if l.o.Dialed {
		return l.conn.Open(ctx)
	}
	return l.conn.Accept(ctx)
}

// silent makes of a bound that has passed that the peer was silent.
func silent(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return ErrSilent
	}
	return err
}

// patiently bounds how long a peer may take over a stream.
func (l *Line) patiently() (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(l.ctx, l.o.Idle, ErrSilent)
}

// hangUp closes the connection, after the peer has been told why if there is anything to tell.
func (l *Line) hangUp() {
	defer l.conn.Close()
	if !tellable(context.Cause(l.ctx)) {
		return
	}
	t := time.NewTimer(farewell)
	defer t.Stop()
	for _, done := range []chan struct{}{l.control.told, l.control.heard} {
		select {
		case <-done:
		case <-t.C:
			return
		}
	}
}

// accept serves the content streams that the peer opens.
func (l *Line) accept() {
	var open atomic.Int32
	for {
		stream, err := l.conn.Accept(l.ctx)
		if err != nil {
			l.fail(l.lost(err))
			return
		}
		if open.Add(1) > 2*contentStreams {
			l.fail(violation("it has over %d streams open", 2*contentStreams))
			return
		}
		l.wg.Go(func() {
			defer open.Add(-1)
			defer stream.Close()
			if err := l.answer(stream); err != nil && !errors.Is(err, io.EOF) {
				l.fail(closed(err))
			}
		})
	}
}

// Run has one session with the peer, that begins now or when the one that is under way is over. The end of
// ctx ends the waiting, not the session.
func (l *Line) Run(ctx context.Context) (Result, error) {
	select {
	case <-l.ready:
	case <-ctx.Done():
		return Result{}, context.Cause(ctx)
	case <-l.ctx.Done():
		return Result{}, l.ended()
	}
	over := l.turns.ask()
	if l.o.Dialed {
		l.turns.wake()
	} else if err := l.control.send(l.ctx, &wire.Message{Kind: &wire.Message_Knock{Knock: &wire.Knock{}}}); err != nil {
		return Result{}, l.ended()
	}
	select {
	case r := <-over:
		return r, nil
	case <-ctx.Done():
		return Result{}, context.Cause(ctx)
	case <-l.ctx.Done():
		return Result{}, l.ended()
	}
}

// expect says whether something is expected of the peer.
func (l *Line) expect(something bool) {
	l.busy.Store(something)
	l.control.watch.await(something)
}

// lost makes of the connection's error that it was closed, where nothing was under way: then it is all the
// same how.
func (l *Line) lost(err error) error {
	if err = closed(err); l.busy.Load() || errors.Is(err, ErrClosed) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrClosed, err)
}

// ended is the error of one who was waiting when the connection ended.
func (l *Line) ended() error {
	return &Error{Op: "session", Peer: l.conn.Peer(), Err: context.Cause(l.ctx)}
}

// Done is closed when the connection has ended.
func (l *Line) Done() <-chan struct{} { return l.ctx.Done() }

// Peer is the name of the peer.
func (l *Line) Peer() string { return l.conn.Peer() }

// converse exchanges hellos and then runs the sessions.
func (l *Line) converse() error {
	if err := l.greet(); err != nil {
		return err
	}
	close(l.ready)
	l.wg.Go(l.accept)
	for {
		select {
		case <-l.ctx.Done():
			return context.Cause(l.ctx)
		case <-l.turns.due:
			if err := l.session(nil); err != nil {
				return err
			}
		case m := <-l.control.in:
			switch {
			case m.GetKnock() != nil && l.o.Dialed:
				l.turns.knock()
			case m.GetOpening() != nil && !l.o.Dialed:
				if err := l.session(m.GetOpening()); err != nil {
					return err
				}
			default:
				return unexpected(m)
			}
		}
	}
}
