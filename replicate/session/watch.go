package session

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// A watch tells when a stream on which something is awaited has been silent for too long. Time in which nobody
// reads doesn't count: then it is this side that is slow.
type watch struct {
	idle time.Duration

	mu      sync.Mutex // guards the rest; nothing is locked after it
	timer   *time.Timer
	awaited bool
	reading bool
}

func newWatch(idle time.Duration, silent func()) *watch {
	w := &watch{idle: idle, timer: time.AfterFunc(idle, silent)}
	w.timer.Stop()
	return w
}

// await says whether something is awaited.
func (w *watch) await(awaited bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.awaited != awaited {
		w.awaited = awaited
		w.wind()
	}
}

func (w *watch) read(reading bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reading = reading
	w.wind()
}

func (w *watch) wind() {
	if w.awaited && w.reading {
		w.timer.Reset(w.idle)
	} else {
		w.timer.Stop()
	}
}

// A monitored stream counts its bytes and is watched.
type monitored struct {
	io.ReadWriteCloser
	watch          *watch
	sent, received *atomic.Int64
}

func (m *monitored) Read(p []byte) (int, error) {
	m.watch.read(true)
	n, err := m.ReadWriteCloser.Read(p)
	m.watch.read(false)
	m.received.Add(int64(n))
	return n, err
}

func (m *monitored) Write(p []byte) (int, error) {
	n, err := m.ReadWriteCloser.Write(p)
	m.sent.Add(int64(n))
	return n, err
}
