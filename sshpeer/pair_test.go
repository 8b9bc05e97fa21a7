package sshpeer

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A station is one replica as far as sshpeer knows: a key, members, a server and a dialer.
type station struct {
	t        testing.TB
	name     string
	id       *Identity
	members  *Members
	server   *Server
	dialer   *Dialer
	arrived  chan *Conn
	refusals chan Refusal
}

func newStation(t testing.TB, name string) *station {
	t.Helper()
	dir := t.TempDir()
	id, err := LoadIdentity(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	members, err := OpenMembers(filepath.Join(dir, "members.toml"))
	if err != nil {
		t.Fatal(err)
	}
	s := &station{t: t, name: name, id: id, members: members,
		arrived: make(chan *Conn, 100), refusals: make(chan Refusal, 1000)}
	s.server = &Server{Identity: id, Members: members, Handle: s.handle, Refused: func(r Refusal) { s.refusals <- r }}
	s.dialer = &Dialer{Identity: id, Members: members, Login: Login{Home: t.TempDir(), User: "nobody", System: t.TempDir()}}
	return s
}

// handle hands the connection to the test and keeps it until it has ended.
func (s *station) handle(ctx context.Context, c *Conn) {
	s.arrived <- c
	<-c.Done()
}

// listen serves on a loopback port until the test ends.
func (s *station) listen() string {
	s.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var served sync.WaitGroup
	served.Go(func() {
		if err := s.server.Serve(ctx, ln); err != nil {
			s.t.Error(err)
		}
	})
	s.t.Cleanup(func() { cancel(); served.Wait() })
	return ln.Addr().String()
}

// knows makes other a member here.
func (s *station) knows(other *station, address string) {
	s.t.Helper()
	s.admits(other.name, other.id.Key(), address)
}

func (s *station) admits(name string, key Key, address string) {
	s.t.Helper()
	m := Member{Name: name}
	if !key.IsZero() {
		m.Keys = []Key{key}
	}
	if err := m.Address.UnmarshalText([]byte(address)); err != nil {
		s.t.Fatal(err)
	}
	if err := s.members.Put(m); err != nil {
		s.t.Fatal(err)
	}
}

func (s *station) dial(name string) *Conn {
	s.t.Helper()
	c, err := s.dialer.Dial(bounded(s.t), name)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

// next waits for the connection that a peer has made.
func (s *station) next() *Conn { s.t.Helper(); return receive(s.t, s.arrived) }

// refusal waits for the next that was not let in.
func (s *station) refusal() Refusal { s.t.Helper(); return receive(s.t, s.refusals) }

func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-bounded(t).Done():
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// pair is two stations that know one another and are connected: a dialed b.
func pair(t testing.TB) (a, b *station, atA, atB *Conn) {
	t.Helper()
	a, b = newStation(t, "a"), newStation(t, "b")
	a.knows(b, b.listen())
	b.knows(a, "")
	atA = a.dial("b")
	return a, b, atA, b.next()
}

// A line is one end of a connection in memory that holds what is written until it is read, and whose
// network can go away: then writes vanish and reads wait.
type line struct {
	in, out *lane
}

type lane struct {
	mu           sync.Mutex // guards the rest; the condition's lock
	more         *sync.Cond
	data         []byte
	closed, gone bool
}

func newLine() (a, b line) {
	there, back := &lane{}, &lane{}
	there.more, back.more = sync.NewCond(&there.mu), sync.NewCond(&back.mu)
	return line{back, there}, line{there, back}
}

func (l line) Read(p []byte) (int, error) {
	l.in.mu.Lock()
	defer l.in.mu.Unlock()
	for len(l.in.data) == 0 && !l.in.closed {
		l.in.more.Wait()
	}
	if l.in.closed {
		return 0, io.EOF
	}
	n := copy(p, l.in.data)
	l.in.data = l.in.data[n:]
	return n, nil
}

func (l line) Write(p []byte) (int, error) {
	l.out.mu.Lock()
	defer l.out.mu.Unlock()
	switch {
	case l.out.closed:
		return 0, io.ErrClosedPipe
	case !l.out.gone:
		l.out.data = append(l.out.data, p...)
		l.out.more.Broadcast()
	}
	return len(p), nil
}

// Close ends both ends, unless the network is gone: then the other does not learn of it.
func (l line) Close() error {
	l.in.close()
	l.out.mu.Lock()
	gone := l.out.gone
	l.out.mu.Unlock()
	if !gone {
		l.out.close()
	}
	return nil
}

func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.more.Broadcast()
}

func (l line) vanish() {
	for _, way := range []*lane{l.in, l.out} {
		way.mu.Lock()
		way.gone = true
		way.mu.Unlock()
	}
}

// bounded is a context that fails what hangs.
func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// stream opens a stream at from and takes it at to.
func openStream(t testing.TB, from, to *Conn) (here, there io.ReadWriteCloser) {
	t.Helper()
	ctx := bounded(t)
	here, err := from.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	there, err = to.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return here, there
}
