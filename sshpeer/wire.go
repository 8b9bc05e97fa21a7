package sshpeer

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// greetingLimit is how much of a peer's first words is kept to tell what answered.
const greetingLimit = 512

// A wire is the bytes below one SSH handshake, whatever carries them. It counts, notes when the peer was
// last heard, remembers how it greeted and whether reading has failed.
type wire struct {
	rwc            io.ReadWriteCloser
	said           *said // stderr of the command whose stdin and stdout this is; else nil
	sent, received atomic.Int64
	heard          atomic.Int64 // monotonic, nanoseconds since start
	start          time.Time
	broken         atomic.Bool // a read has failed; set before the reader learns of it

	out    sync.Mutex // guards what follows, and keeps writes in their order; nothing is locked after it
	held   []byte     // the first part of a packet, which is written with what follows
	due    bool       // release will be called
	failed error      // of release

	mu       sync.Mutex // guards greeting
	greeting []byte
	close    sync.Once
	closed   error
}

func newWire(rwc io.ReadWriteCloser) *wire {
	w := &wire{rwc: rwc, start: time.Now()}
	if l, ok := rwc.(*login); ok {
		w.said = &l.said
	}
	return w
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.rwc.Read(p)
	if n > 0 {
		if before := w.received.Add(int64(n)) - int64(n); before < greetingLimit {
			w.keepGreeting(p[:min(n, int(greetingLimit-before))])
		}
		w.heard.Store(int64(time.Since(w.start)))
	}
	if err != nil {
		w.broken.Store(true)
	}
	return n, err
}

const (
	// libraryBuffer is what the SSH library writes at once of a packet that is larger: the rest follows, in a write of
	// its own.
	libraryBuffer = 4 << 10
	// holdFor is how long it is waited for, should none follow after all.
	holdFor = 5 * time.Millisecond
)

// Write writes a packet that comes in two parts at once: each write is a system call, a segment on the network and a wake
// of who reads, and through a login a packet again.
func (w *wire) Write(p []byte) (int, error) {
	w.out.Lock()
	defer w.out.Unlock()
	switch {
	case w.failed != nil:
		return 0, w.failed
	case len(w.held) > 0:
		before := len(w.held)
		n, err := w.send(append(w.held, p...))
		return max(0, n-before), err
	case len(p) != libraryBuffer:
		return w.send(p)
	}
	w.held = append(w.held, p...)
	if !w.due {
		w.due = true
		time.AfterFunc(holdFor, w.release)
	}
	return len(p), nil
}

// release writes what is held.
func (w *wire) release() {
	w.out.Lock()
	defer w.out.Unlock()
	w.due = false
	if len(w.held) > 0 {
		_, w.failed = w.send(w.held)
	}
}

// send writes p, which held may be a part of. out is held.
func (w *wire) send(p []byte) (int, error) {
	if len(w.held) > 0 {
		w.held = p[:0]
	}
	n, err := w.rwc.Write(p)
	w.sent.Add(int64(n))
	return n, err
}

// Close may be called more than once, from anywhere; it ends reads and writes under way.
func (w *wire) Close() error {
	w.close.Do(func() { w.closed = w.rwc.Close() })
	return w.closed
}

// silence is how long the peer has said nothing.
func (w *wire) silence() time.Duration {
	return time.Since(w.start) - time.Duration(w.heard.Load())
}

func (w *wire) keepGreeting(p []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.greeting = append(w.greeting, p...)
}

// greeted is the line by which the peer said that it speaks SSH, without "SSH-2.0-"; ok is false if it has
// not. A shell's start-up files may have put other lines before it.
func (w *wire) greeted() (line string, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range bytes.Split(w.greeting, []byte("\n")) {
		if rest, found := bytes.CutPrefix(l, []byte("SSH-2.0-")); found {
			return printable(string(bytes.TrimRight(rest, "\r"))), true
		}
	}
	return "", false
}

// began is the peer's first words, to show.
func (w *wire) began() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return printable(string(w.greeting[:min(60, len(w.greeting))]))
}

// withWords adds to the reason for an end what a remote command said of it.
func (w *wire) withWords(why error) error {
	if w.said == nil || errors.Is(why, net.ErrClosed) {
		return why
	}
	words := w.said.String()
	if words == "" {
		return why
	}
	return &fault{kind: why, text: why.Error() + "; it said: " + words}
}

// LocalAddr, RemoteAddr and the deadlines make a wire a net.Conn for the SSH library, which asks for the
// addresses alone.
func (w *wire) LocalAddr() net.Addr {
	if c, ok := w.rwc.(net.Conn); ok {
		return c.LocalAddr()
	}
	return noAddr{}
}

// RemoteAddr is the peer's network address, if there is a network.
func (w *wire) RemoteAddr() net.Addr {
	if c, ok := w.rwc.(net.Conn); ok {
		return c.RemoteAddr()
	}
	return noAddr{}
}

// SetDeadline and its kin do nothing: a connection that takes too long is closed.
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

type noAddr struct{}

func (noAddr) Network() string { return "pipe" }
func (noAddr) String() string  { return "pipe" }
