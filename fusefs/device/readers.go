package device

import (
	"sync"
	"time"
)

const (
	// idlers is how many wait for a request where requests are few.
	idlers = 2
	// burst is how many requests within burstFor make one reader take all.
	burst    = 64
	burstFor = burst * 200 * time.Microsecond
	// glance is how often it is looked whether the one reader is stuck.
	glance = time.Millisecond
	// calm is after how many glances without a request there are few again,
	calm = 5
	// and crowd after how many, at each of which a request waited, they are too many for one reader,
	crowd = 8
	// for this long.
	crowded = time.Second
)

// readers counts who reads requests. Somebody waits for one always, or looks whether the reader is stuck. mu guards the
// fields below it; nothing is locked while it is held.
type readers struct {
	all     sync.WaitGroup // who reads, handles or watches
	many    bool           // processors: there are some for programs and for more than one reader
	pending func() bool    // whether a request waits
	glances func() (<-chan time.Time, func())

	mu      sync.Mutex
	waiting int  // who waits for a request, or is about to
	busy    bool // requests are many: one reads
	watched bool // somebody looks whether the one reader is stuck
	ended   bool
	taken   uint64    // requests so far
	mark    time.Time // when the last burst of them began; while the readers are crowded, when they no more are
}

func (r *readers) init(processors int, pending func() bool) {
	r.many, r.pending = processors > 2, pending
	r.glances = func() (<-chan time.Time, func()) {
		t := time.NewTicker(glance)
		return t.C, t.Stop
	}
	r.waiting, r.mark = 1, time.Now()
}

// took notes that a reader has a request. More: one more is to read, since nobody does.
func (r *readers) took() (more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting--
	r.taken++
	if r.taken%burst == 0 {
		if now := time.Now(); now.After(r.mark) {
			r.busy = now.Sub(r.mark) < burstFor
			r.mark = now
		}
	}
	if r.waiting > 0 || r.watched || r.ended {
		return false
	}
	r.waiting++
	return true
}

// stay says whether one who has handled a request is to read the next. Where one reads, the other watches before.
func (r *readers) stay() bool {
	watch, read := r.next()
	return read || watch && r.watch()
}

func (r *readers) next() (watch, read bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.ended:
		return false, false
	case r.waiting == 0 || !r.busy && r.waiting < idlers:
		r.waiting++
		return false, true
	case r.busy && !r.watched:
		r.watched = true
		return true, false
	}
	return false, false
}

// watch returns when one more is to read: the reader is stuck, or requests are few, or too many.
func (r *readers) watch() (read bool) {
	tick, stop := r.glances()
	defer stop()
	var last uint64
	still, waited := 0, 0
	for range tick {
		if r.many && r.pending() {
			waited++
		} else {
			waited = 0
		}
		over, read := r.look(&last, &still, waited >= crowd)
		if over {
			return read
		}
	}
	return false
}

// look is one glance: over, when the watch is.
func (r *readers) look(last *uint64, still *int, many bool) (over, read bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if *still++; r.taken != *last {
		*last, *still = r.taken, 0
	}
	stuck := *still > 0 && r.waiting == 0
	if !r.ended && !stuck && !many && *still < calm {
		return false, false
	}
	if many {
		r.mark = time.Now().Add(crowded)
	}
	r.watched, r.busy = false, false
	if !r.ended {
		r.waiting++
	}
	return true, !r.ended
}

// end has those end who don't wait for the kernel: it tells the others.
func (r *readers) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
}
