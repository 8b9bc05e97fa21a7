package session

import (
	"bufio"
	"context"
	"errors"
	"io"
	"sync"

	"syncfs/replicate/session/wire"
)

// Bounds of content streams.
const (
	contentStreams = 4   // that a side opens for its sessions
	window         = 2   // requests of each on their way or being answered
	maxThings      = 256 // that one request names
	maxRequest     = 16 << 10
	maxHeader      = 16 << 10 // of an answer
	target         = 1 << 20  // bytes of content to ask for in one request
	maxAnswer      = 4 << 20
	patience       = 4 // times Idle: how long a request may wait for the first or next byte of its answer
)

// An asker asks the peer for content, on streams that it opens as it needs them: the requests of each are
// answered in order. Writing and reading don't wait for each other.
type asker struct {
	line  *Line
	max   int
	slots chan struct{}

	mu      sync.Mutex // guards streams and the load of each; held while a stream is opened, nothing is locked after it
	streams []*askStream
}

func newAsker(l *Line, streams int) *asker {
	return &asker{line: l, max: streams, slots: make(chan struct{}, streams*window)}
}

// A call is a request and its answer.
type call struct {
	request *wire.Request
	bounds  []int         // of each thing asked for: the most bytes it may have
	parts   [][]byte      // of the answer; nil: gone
	over    chan struct{} // closed when parts are there
}

// ask asks for as many things as there are bounds.
func (a *asker) ask(ctx context.Context, request *wire.Request, bounds []int) ([][]byte, error) {
	l := a.line
	select {
	case <-l.ready:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-l.ctx.Done():
		return nil, l.ended()
	}
	select {
	case a.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-l.ctx.Done():
		return nil, l.ended()
	}
	s, err := a.stream()
	if err != nil {
		<-a.slots
		l.fail(closed(err))
		return nil, l.ended()
	}
	c := &call{request: request, bounds: bounds, over: make(chan struct{})}
	s.requests <- c
	select {
	case <-c.over:
		return c.parts, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-l.ctx.Done():
		return nil, l.ended()
	}
}

// stream is the least busy one, with this call counted in.
func (a *asker) stream() (*askStream, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var least *askStream
	for _, s := range a.streams {
		if least == nil || s.load < least.load {
			least = s
		}
	}
	if least == nil || least.load > 0 && len(a.streams) < a.max {
		ctx, cancel := a.line.patiently()
		defer cancel()
		stream, err := a.line.conn.Open(ctx)
		if err != nil {
			return nil, silent(err)
		}
		least = newAskStream(a, stream)
		a.streams = append(a.streams, least)
	}
	least.load++
	least.watch.await(true)
	return least, nil
}

// answered takes a call off a stream.
func (a *asker) answered(s *askStream) {
	a.mu.Lock()
	s.load--
	s.watch.await(s.load > 0)
	a.mu.Unlock()
	<-a.slots
}

type askStream struct {
	asker    *asker
	stream   io.ReadWriteCloser
	watch    *watch
	load     int
	requests chan *call // to be written; has room for all slots
	pending  chan *call // written, or about to be, in the order of the answers
}

func newAskStream(a *asker, stream io.ReadWriteCloser) *askStream {
	l := a.line
	w := newWatch(patience*l.o.Idle, func() { l.fail(ErrSilent) })
	s := &askStream{
		asker: a, stream: &monitored{stream, w, &l.sent, &l.received}, watch: w,
		requests: make(chan *call, cap(a.slots)), pending: make(chan *call, cap(a.slots)),
	}
	l.wg.Go(func() { l.fail(closed(s.write())) })
	l.wg.Go(func() { l.fail(closed(s.read())) })
	return s
}

func (s *askStream) write() error {
	for {
		select {
		case c := <-s.requests:
			b, err := wire.Append(nil, c.request)
			if err != nil {
				return err
			}
			s.pending <- c
			if _, err := s.stream.Write(b); err != nil {
				return err
			}
		case <-s.asker.line.ctx.Done():
			return s.asker.line.ctx.Err()
		}
	}
}

func (s *askStream) read() error {
	r := bufio.NewReaderSize(s.stream, 64<<10)
	for {
		// The answer's first byte is waited for rather than the call, so that a peer that answers what
		// nobody asked is found out.
		if _, err := r.Peek(1); err != nil {
			return err
		}
		select {
		case c := <-s.pending:
			if err := c.read(r); err != nil {
				return err
			}
			close(c.over)
			s.asker.answered(s)
		default:
			return violation("an answer to no request")
		}
	}
}

func (c *call) read(r io.Reader) error {
	var answer wire.Answer
	if err := wire.Read(r, &answer, maxHeader); err != nil {
		return framed(err)
	}
	if len(answer.Parts) != len(c.bounds) {
		return violation("%d parts in an answer about %d", len(answer.Parts), len(c.bounds))
	}
	c.parts = make([][]byte, len(answer.Parts))
	for i, p := range answer.Parts {
		if p.Gone {
			continue
		}
		if p.Size > uint32(c.bounds[i]) {
			return violation("%d bytes where %d are the most", p.Size, c.bounds[i])
		}
		c.parts[i] = make([]byte, p.Size)
		if _, err := io.ReadFull(r, c.parts[i]); err != nil {
			return err
		}
	}
	return nil
}

// framed makes a malformed frame a violation.
func framed(err error) error {
	if errors.Is(err, wire.ErrFrame) {
		return violation("%w", err)
	}
	return err
}
