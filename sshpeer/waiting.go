package sshpeer

import (
	"io"
	"sync"
	"time"
)

// What a connection may take before it has proven a key.
const (
	maxWaiting = 64
	authTime   = 10 * time.Second
)

// waiting holds the connections that have not authenticated, oldest first. One too many drops the oldest:
// idle strangers cannot keep a member out, since they only ever age.
type waiting struct {
	mu   sync.Mutex // guards list
	list []*guest
}

type guest struct{ io.Closer }

// enter takes c in; leave is called when it has authenticated or failed.
func (w *waiting) enter(c io.Closer) (leave func()) {
	g := &guest{c}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, g)
	if len(w.list) > maxWaiting {
		_ = w.list[0].Close() // its handshake ends with the reason
		w.list = w.list[1:]
	}
	return func() { w.leave(g) }
}

func (w *waiting) leave(g *guest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, o := range w.list {
		if o == g {
			w.list = append(w.list[:i:i], w.list[i+1:]...)
			return
		}
	}
}
