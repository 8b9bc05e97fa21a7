package replicate_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"syncfs/replicate"
	"syncfs/replicate/session"
	"syncfs/replicate/session/sessiontest"
)

// A net is replicas in memory and the connections between them.
type network struct {
	t *testing.T

	mu    sync.Mutex // guards the rest and the peers of each node; nothing is locked after it
	nodes map[string]*node
	down  map[string]bool
	dials int
	pipes []*sessiontest.Pipe
}

type node struct {
	*sessiontest.Replica
	*replicate.Replicator
	net   *network
	peers []replicate.Peer
}

func newNetwork(t *testing.T) *network {
	return &network{t: t, nodes: map[string]*node{}, down: map[string]bool{}}
}

// add adds a replica that can dial peers.
func (n *network) add(name string, s replicate.Schedule, peers ...string) *node {
	m := &node{Replica: sessiontest.NewReplica(name), net: n}
	for _, p := range peers {
		m.peers = append(m.peers, replicate.Peer{Name: p, Dialable: true})
	}
	m.Replicator = replicate.New(replicate.Options{
		Name: name, Local: m.Replica, Schedule: s,
		Peers: func() ([]replicate.Peer, error) { n.mu.Lock(); defer n.mu.Unlock(); return slices.Clone(m.peers), nil },
		Dial:  func(ctx context.Context, peer string) (session.Conn, error) { return n.dial(name, peer) },
	})
	n.mu.Lock()
	n.nodes[name] = m
	n.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); m.Run(ctx) }()
	n.t.Cleanup(func() { cancel(); <-done })
	return m
}

var errNoRoute = errors.New("no route to host")

func (n *network) dial(from, to string) (session.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dials++
	if n.down[from] || n.down[to] || n.nodes[to] == nil {
		return nil, errNoRoute
	}
	p := sessiontest.NewPipe(from, to, 4)
	n.pipes = append(n.pipes, p)
	served := make(chan struct{})
	far := n.nodes[to]
	go func() { defer close(served); far.Serve(context.Background(), p.B) }()
	n.t.Cleanup(func() { p.B.Close(); <-served })
	return p.A, nil
}

// cut takes a replica off the network, without a word to anybody.
func (n *network) cut(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down[name] = true
	for _, p := range n.pipes {
		if p.A.Peer() == name || p.B.Peer() == name {
			p.Vanish()
		}
	}
}

func (n *network) heal(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down[name] = false
}

func (n *network) dialed() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials
}

// change writes a file and says so.
func (m *node) change(name, content string) {
	m.Write(name, []byte(content))
	m.Changed()
}

// wait lets time pass.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func wantFiles(t *testing.T, m *node, want map[string]string) {
	t.Helper()
	if got := m.Files(); !maps.Equal(got, want) {
		t.Errorf("%s has %v, want %v", m.Name, got, want)
	}
}

func wantOutcome(t *testing.T, got []replicate.Outcome, peer string, kind replicate.Kind) {
	t.Helper()
	for _, o := range got {
		if o.Peer == peer && o.Kind == kind && (o.Err == nil) == (kind == replicate.OK) {
			return
		}
	}
	t.Errorf("%+v, want %s %s", got, peer, kind)
}

func state(m *node, peer string) replicate.PeerStatus {
	for _, p := range m.Status().Peers {
		if p.Name == peer {
			return p
		}
	}
	return replicate.PeerStatus{}
}
