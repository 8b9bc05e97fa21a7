package replicate

import (
	"slices"
	"strings"
	"time"

	"syncfs/journal/version"
	"syncfs/replicate/session"
)

// A Status is how far this replica is with its peers.
type Status struct {
	Peers     []PeerStatus // by name
	Transfers []session.Transfer
}

// A PeerStatus is how far this replica is with one peer.
type PeerStatus struct {
	Name        string
	Connected   bool
	Running     bool      // a session that this side asked for is under way
	LastSession time.Time // the end of the last that ended well; zero: never
	LastError   string    // of the last, if it didn't
	NextTry     time.Time // zero: none is planned

	Skew           time.Duration  // the peer's clock less this one's
	Knowledge      version.Vector // what the peer has seen, at the end of the last session
	Wanted, Steps  int            // of what it had seen: contents, and steps on disk, that it lacked
	Unobtainable   int            // contents wanted here that the peer didn't have
	Sent, Received int64          // bytes, in all sessions of this run
}

// Status is the status now. It waits for no peer.
func (r *Replicator) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Status{Transfers: r.transfers.List()}
	for _, p := range r.peers {
		state := p.status
		state.Connected = len(p.lines) > 0
		state.Running = p.running > 0
		s.Peers = append(s.Peers, state)
	}
	slices.SortFunc(s.Peers, func(a, b PeerStatus) int { return strings.Compare(a.Name, b.Name) })
	return s
}
