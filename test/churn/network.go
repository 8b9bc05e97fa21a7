package churn

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"syncfs/journal/item"
	"syncfs/replicate"
	"syncfs/replicate/session"
	"syncfs/replicate/session/sessiontest"
)

// A Network is replicas that reach one another over pipes, and begin a session only for a flush.
type Network struct {
	Members []*Member
	run     sync.WaitGroup
	end     context.CancelFunc
	ctx     context.Context
}

// A Member is a replica of a Network.
type Member struct {
	*Replica
	*replicate.Replicator
}

// NewNetwork has no members.
func NewNetwork() *Network {
	n := &Network{}
	n.ctx, n.end = context.WithCancel(context.Background())
	return n
}

// Join makes dir a member. All join before the first flush.
func (n *Network) Join(dir, name string, log *slog.Logger) error {
	m := &Member{}
	r, err := Start(dir, name, log, func(ctx context.Context, root item.Hash, size int64) error {
		return m.Fetch(ctx, session.Want{Root: root, Size: size})
	})
	if err != nil {
		return err
	}
	m.Replica = r
	m.Replicator = replicate.New(replicate.Options{
		Name: name, Local: r.Folder, Schedule: replicate.Off, Logger: log,
		Peers: func() (l []replicate.Peer, err error) {
			for _, o := range n.Members {
				if o != m {
					l = append(l, replicate.Peer{Name: o.Name, Dialable: true})
				}
			}
			return l, nil
		},
		Dial: func(_ context.Context, peer string) (session.Conn, error) { return n.dial(m, peer) },
	})
	n.Members = append(n.Members, m)
	return nil
}

// Open has the members find one another.
func (n *Network) Open() {
	for _, m := range n.Members {
		n.run.Go(func() { m.Run(n.ctx) }) //nolint:errcheck // it ends with ctx
	}
}

func (n *Network) dial(m *Member, peer string) (session.Conn, error) {
	for _, o := range n.Members {
		if o.Name == peer {
			p := sessiontest.NewPipe(m.Name, o.Name, 16)
			n.run.Go(func() { o.Serve(n.ctx, p.B) }) //nolint:errcheck // the dialer is told
			return p.A, nil
		}
	}
	return nil, replicate.ErrUnreachable
}

// Close ends all.
func (n *Network) Close() error {
	n.end()
	n.run.Wait()
	var errs []error
	for _, m := range n.Members {
		errs = append(errs, m.End())
	}
	return errors.Join(errs...)
}

// Flush is `syncfs flush`.
func (m *Member) Flush(ctx context.Context, peers ...string) ([]replicate.Outcome, error) {
	if err := m.Rest(ctx); err != nil {
		return nil, err
	}
	return m.Replicator.Flush(ctx, peers...), nil
}
