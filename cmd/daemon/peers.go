package daemon

import (
	"context"
	"sync"

	"syncfs/journal"
	"syncfs/journal/change"
	"syncfs/replicate"
	"syncfs/replicate/disk"
	"syncfs/replicate/session"
	"syncfs/sshpeer"
)

// peers are the members, as the replicator sees them.
func (r *replica) peers() ([]replicate.Peer, error) {
	members, err := r.members.List()
	if err != nil {
		return nil, err
	}
	peers := make([]replicate.Peer, len(members))
	for i, m := range members {
		peers[i] = replicate.Peer{Name: m.Name, Dialable: !m.Address.IsZero()}
	}
	return peers, nil
}

// handle serves one connection that a member has made.
func (r *replica) handle(ctx context.Context, conn *sshpeer.Conn) {
	if err := r.replicator.Serve(ctx, r.meter.of(conn)); err != nil && ctx.Err() == nil {
		r.log.Warn("connection", "peer", conn.Peer(), "err", err)
	}
}

// remember keeps what is known of a peer over the end of the daemon.
func (r *replica) remember(p replicate.PeerStatus) {
	err := r.journal.Update(func(tx *journal.Tx) error {
		return tx.SetPeerState(p.Name, journal.PeerState{
			Knowledge:   p.Knowledge,
			LastSession: p.LastSession,
			LastError:   p.LastError,
			Wanted:      p.Unobtainable,
		})
	})
	if err != nil {
		r.log.Error("peer state", "peer", p.Name, "err", err)
	}
}

func (r *replica) recall(name string) (replicate.PeerStatus, bool) {
	var known journal.PeerState
	err := r.journal.View(func(tx *journal.Tx) (err error) {
		known, err = tx.PeerState(name)
		return err
	})
	if err != nil {
		r.log.Error("peer state", "peer", name, "err", err)
	}
	return replicate.PeerStatus{
		Name:         name,
		Knowledge:    known.Knowledge,
		LastSession:  known.LastSession,
		LastError:    known.LastError,
		Unobtainable: known.Wanted,
	}, err == nil
}

// A recorder takes note of what programs do, and has the replicator know that there is something new.
type recorder struct {
	*disk.Folder
	changed func()
}

func (r recorder) Record(c change.Change) uint64 {
	n := r.Folder.Record(c)
	r.changed()
	return n
}

// A meter counts the bytes of all connections with each peer.
type meter struct {
	mu    sync.Mutex // guards what follows; nothing is locked after it
	ended map[string]traffic
	open  map[*metered]bool
}

type traffic struct{ sent, received int64 }

// A metered connection is counted when it is closed too.
type metered struct {
	*sshpeer.Conn
	meter *meter
}

func (m *meter) of(conn *sshpeer.Conn) session.Conn {
	c := &metered{Conn: conn, meter: m}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open[c] = true
	return c
}

func (c *metered) Close() error {
	err := c.Conn.Close()
	m := c.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.open[c] {
		delete(m.open, c)
		m.ended[c.Peer()] = m.ended[c.Peer()].plus(c.Traffic())
	}
	return err
}

// with is what went to and came from a peer.
func (m *meter) with(peer string) traffic {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.ended[peer]
	for c := range m.open {
		if c.Peer() == peer {
			t = t.plus(c.Traffic())
		}
	}
	return t
}

func (t traffic) plus(sent, received int64) traffic {
	return traffic{t.sent + sent, t.received + received}
}
