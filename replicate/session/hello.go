package session

import (
	"fmt"
	"slices"
	"time"

	"syncfs/replicate/session/wire"
)

// The protocols this side speaks, and what it needs of the peer beside: that it cuts and hashes contents in
// the same way.
const (
	protocol = 2
	oldest   = 2
	chunks1  = "chunks-1"
)

// greet exchanges hellos.
func (l *Line) greet() error {
	c := l.control
	l.expect(true)
	defer l.expect(false)
	hello, err := wire.Append([]byte(magic), &wire.Message{Kind: &wire.Message_Hello{Hello: &wire.Hello{
		Version: protocol, Oldest: oldest, Features: []string{chunks1},
		Name: l.o.Name, Clock: uint64(l.o.Now().UnixNano()),
	}}})
	if err != nil {
		return err
	}
	if err := c.put(l.ctx, hello); err != nil {
		return err
	}
	m, err := c.receive(l.ctx)
	if err != nil {
		return err
	}
	h := m.GetHello()
	if h == nil {
		return unexpected(m)
	}
	if h.Oldest > protocol || h.Version < oldest || !slices.Contains(h.Features, chunks1) {
		return fmt.Errorf("%w: this replica speaks %d to %d, the peer %d to %d with %.100q",
			ErrVersion, oldest, protocol, h.Oldest, h.Version, h.Features)
	}
	if h.Name != l.conn.Peer() { // what a peer is called here is this side's choice: its key says who it is
		l.o.Logger.Debug("the peer has another name of its own", "peer", l.conn.Peer(), "name", h.Name)
	}
	l.skew = time.Unix(0, int64(h.Clock)).Sub(l.o.Now())
	return nil
}

// unexpected is a message out of turn, or of a kind this protocol doesn't have.
func unexpected(m *wire.Message) error {
	return violation("message %T out of turn", m.GetKind())
}
