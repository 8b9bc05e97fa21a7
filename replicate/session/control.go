package session

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"syncfs/journal/version"
	"syncfs/replicate/session/wire"
)

// magic begins a control stream, each way: whoever speaks something else is known at once.
const magic = "syncfs\r\n"

// Bounds of what a control stream carries. The knowledge may be the longest: an incarnation and a number
// for each start of a replica, ever.
const (
	maxHello   = 4 << 10
	maxMessage = version.MaxKnowledge * 20
	maxReason  = 1 << 10
)

// farewell is how long a refusal waits for the peer to hear it.
const farewell = 2 * time.Second

// A control is the stream on which the messages of one session after another go both ways. Reading and
// writing never wait for each other.
type control struct {
	line  *Line
	watch *watch
	r     *bufio.Reader
	w     io.Writer
	in    chan *wire.Message
	out   chan []byte
	heard chan struct{} // closed when nothing more is read
	told  chan struct{} // closed when nothing more is written
}

func newControl(l *Line, stream io.ReadWriteCloser) *control {
	w := newWatch(l.o.Idle, func() { l.fail(ErrSilent) })
	m := &monitored{stream, w, &l.sent, &l.received}
	return &control{
		line: l, watch: w, r: bufio.NewReader(m), w: m,
		in: make(chan *wire.Message), out: make(chan []byte, 4), heard: make(chan struct{}), told: make(chan struct{}),
	}
}

// write sends what it is given until the connection ends, and then, if this side ends it, why.
func (c *control) write() {
	defer close(c.told)
	for {
		select {
		case b := <-c.out:
			if _, err := c.w.Write(b); err != nil {
				c.line.fail(err)
				return
			}
		case <-c.line.ctx.Done():
			if reason, ok := refusal(context.Cause(c.line.ctx)); ok {
				c.w.Write(reason)
			}
			return
		}
	}
}

// refusal is the frame that tells the peer of cause, if the peer has not caused or told it itself.
func refusal(cause error) ([]byte, bool) {
	if !tellable(cause) {
		return nil, false
	}
	text := printable(cause.Error())
	b, err := wire.Append(nil, &wire.Message{Kind: &wire.Message_Refusal{Refusal: &wire.Refusal{Reason: text}}})
	return b, err == nil
}

func tellable(cause error) bool {
	var local *localError
	return errors.As(cause, &local) || errors.Is(cause, ErrProtocol) || errors.Is(cause, ErrVersion) ||
		errors.Is(cause, ErrContent)
}

// read takes in messages until the connection ends. Pings have done their work by being read.
func (c *control) read() {
	defer close(c.heard)
	if err := c.readAll(); err != nil {
		c.line.fail(err)
	}
	io.Copy(io.Discard, c.r) // so that a refusal isn't cut off by the close: the peer closes when it has read it
}

func (c *control) readAll() error {
	begin := make([]byte, len(magic))
	if _, err := io.ReadFull(c.r, begin); err != nil {
		return closed(err)
	}
	if string(begin) != magic {
		return violation("it begins with %q", begin)
	}
	for limit := maxHello; ; limit = maxMessage {
		m := new(wire.Message)
		err := wire.Read(c.r, m, limit)
		switch {
		case errors.Is(err, wire.ErrFrame):
			return violation("%w", err)
		case err != nil:
			return c.line.lost(err)
		case m.GetPing() != nil:
			continue
		case m.GetRefusal() != nil:
			return fmt.Errorf("%w: %s", ErrRefused, printable(m.GetRefusal().Reason))
		}
		select {
		case c.in <- m:
		case <-c.line.ctx.Done():
			return nil
		}
	}
}

func closed(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrClosed
	}
	return err
}

// printable makes a peer's words fit for a log.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	return s[:min(len(s), maxReason)]
}

func (c *control) receive(ctx context.Context) (*wire.Message, error) {
	select {
	case m := <-c.in:
		return m, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (c *control) send(ctx context.Context, m *wire.Message) error {
	b, err := wire.Append(nil, m)
	if err != nil {
		return err
	}
	return c.put(ctx, b)
}

func (c *control) put(ctx context.Context, b []byte) error {
	select {
	case c.out <- b:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ping shows the peer that this side lives, until ctx ends. When much is waiting to go out a ping has no
// place and no use.
func (c *control) ping(ctx context.Context) {
	b, _ := wire.Append(nil, &wire.Message{Kind: &wire.Message_Ping{Ping: &wire.Ping{}}})
	t := time.NewTicker(c.line.o.Idle / 3)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			select {
			case c.out <- b:
			default:
			}
		case <-ctx.Done():
			return
		}
	}
}
