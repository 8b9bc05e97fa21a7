package session

import "sync"

// turns keep count of who asked for a session, so that each gets one that began after it asked, and many
// that ask while one is under way share the next.
type turns struct {
	due chan struct{} // has room for one: a session was asked for, on the side that begins them

	mu      sync.Mutex // guards the rest; nothing is locked after it
	asked   uint64     // how often on this side
	knocks  uint64     // how often by the peer, where this side begins the sessions
	waiting map[uint64]chan Result
}

func newTurns() *turns {
	return &turns{due: make(chan struct{}, 1), waiting: map[uint64]chan Result{}}
}

// ask returns where the result of a session will be that begins from now on.
func (t *turns) ask() <-chan Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked++
	over := make(chan Result, 1)
	t.waiting[t.asked] = over
	return over
}

// wake makes a session due.
func (t *turns) wake() {
	select {
	case t.due <- struct{}{}:
	default:
	}
}

// knock notes that the peer asked, and makes a session due.
func (t *turns) knock() {
	t.mu.Lock()
	t.knocks++
	t.mu.Unlock()
	t.wake()
}

// begin returns how often either side has asked so far.
func (t *turns) begin() (asked, knocks uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked, t.knocks
}

// end gives the result to all who had asked when the session began.
func (t *turns) end(asked uint64, r Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n, over := range t.waiting {
		if n <= asked {
			over <- r
			delete(t.waiting, n)
		}
	}
}
