package replicate

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"syncfs/replicate/session"
)

// A Peer is another replica of the folder. One that isn't dialable has no address here: it dials us.
type Peer struct {
	Name     string
	Dialable bool
}

// Options say how a Replicator runs. Name, Local, Peers and Dial are needed.
type Options struct {
	Name     string
	Local    session.Local
	Peers    func() ([]Peer, error) // asked again and again: peers come and go
	Dial     func(ctx context.Context, peer string) (session.Conn, error)
	Schedule Schedule

	Recall   func(name string) (PeerStatus, bool) // what Remember was told in an earlier run
	Remember func(PeerStatus)                     // after each session

	Now    func() time.Time // default time.Now
	Rand   func() float64   // in [0, 1); default of math/rand
	Idle   time.Duration    // as in session.Options
	Logger *slog.Logger
}

// A Replicator keeps a replica in step with its peers.
type Replicator struct {
	o         Options
	transfers session.Transfers
	changed   chan struct{} // has room for one

	ctx context.Context // ends with Run
	end context.CancelCauseFunc

	mu      sync.Mutex // guards the rest, and what peers have; nothing is locked after it but Transfers
	peers   map[string]*peer
	stopped bool // nothing is begun any more
	wg      sync.WaitGroup
}

// ErrEnded says that Run has ended.
var ErrEnded = errors.New("the replicator has ended")

// New makes a Replicator. It does nothing until Run.
func New(o Options) *Replicator {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Recall == nil {
		o.Recall = func(string) (PeerStatus, bool) { return PeerStatus{}, false }
	}
	if o.Remember == nil {
		o.Remember = func(PeerStatus) {}
	}
	r := &Replicator{o: o, changed: make(chan struct{}, 1), peers: map[string]*peer{}}
	r.ctx, r.end = context.WithCancelCause(context.Background())
	return r
}

// rollCall is how often it is looked whether peers have come or gone.
const rollCall = 5 * time.Second

// Run begins sessions when they are due and keeps connections, until ctx ends.
func (r *Replicator) Run(ctx context.Context) error {
	r.begin(r.spread)
	t := time.NewTicker(rollCall)
	defer t.Stop()
	for {
		if err := r.callRoll(); err != nil {
			r.o.Logger.Error("peers", "err", err)
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			r.end(ErrEnded)
			r.mu.Lock()
			r.stopped = true
			r.mu.Unlock()
			r.wg.Wait()
			return nil
		}
	}
}

// begin runs f, and says whether it is not too late for that.
func (r *Replicator) begin(f func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return false
	}
	r.wg.Go(f)
	return true
}

// callRoll takes up peers that are new and lets go of those that are none any more.
func (r *Replicator) callRoll() error {
	list, err := r.o.Peers()
	if err != nil {
		return err
	}
	named := map[string]bool{}
	for _, p := range list {
		named[p.Name] = true
		r.peer(p.Name, p.Dialable)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, p := range r.peers {
		if !named[name] && len(p.lines) == 0 {
			close(p.dismissed)
			delete(r.peers, name)
		}
	}
	return nil
}

// peer is the peer of that name, taken up if it is new.
func (r *Replicator) peer(name string, dialable bool) *peer {
	r.mu.Lock()
	p := r.peers[name]
	fresh := p == nil
	if fresh {
		p = newPeer(name)
		if !r.o.Schedule.prompt() {
			p.tried = r.o.Now() // the first session is due when the schedule says, not at once
		}
		if s, ok := r.o.Recall(name); ok {
			p.status = s
			p.status.Name = name
		}
		r.peers[name] = p
	}
	p.dialable = dialable
	r.mu.Unlock()
	if fresh {
		r.begin(func() { r.keep(p) })
	}
	return p
}

// Changed says that something was changed here. It is quick.
func (r *Replicator) Changed() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// A session is due this long after the last of a run of changes, and no longer than this after the first. Whether there was
// another is looked for now and then: to be woken by each would cost a program that makes many as much as the changes do.
const (
	calm   = 300 * time.Millisecond
	unrest = 2 * time.Second
	glance = 50 * time.Millisecond
)

// spread makes sessions due soon after changes.
func (r *Replicator) spread() {
	for {
		select {
		case <-r.changed:
		case <-r.ctx.Done():
			return
		}
		r.settle()
		if !r.o.Schedule.prompt() {
			continue
		}
		r.mu.Lock()
		for _, p := range r.peers {
			p.nudge()
		}
		r.mu.Unlock()
	}
}

// settle waits until a run of changes is over or has gone on for long.
func (r *Replicator) settle() {
	t := time.NewTicker(glance)
	defer t.Stop()
	for passed, still := glance, glance; passed <= unrest && still <= calm; passed, still = passed+glance, still+glance {
		select {
		case <-t.C:
		case <-r.ctx.Done():
			return
		}
		select {
		case <-r.changed:
			still = 0
		default:
		}
	}
}
