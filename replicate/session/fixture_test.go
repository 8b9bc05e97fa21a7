package session_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"syncfs/journal/version"
	"syncfs/replicate/session"
	"syncfs/replicate/session/sessiontest"
)

// data returns n bytes that a seed gives.
func data(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// A side is one end of a connection that is served.
type side struct {
	*session.Line
	over chan error // what Serve came to
}

// serve serves one end of a connection until the test ends.
func serve(t testing.TB, conn session.Conn, local session.Local, o session.Options) *side {
	ctx, cancel := context.WithCancel(context.Background())
	s := &side{session.New(conn, local, o), make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.over <- s.Serve(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return s
}

// A pair is two replicas with a connection, that a has dialed.
type pair struct {
	*sessiontest.Pipe
	a, b *side
}

// connect connects two replicas by streams that hold nothing: whoever waits for the other to read before
// it reads is found out.
func connect(t testing.TB, a, b *sessiontest.Replica) pair {
	p := sessiontest.NewPipe(a.Name, b.Name, 0)
	return pair{p,
		serve(t, p.A, a, session.Options{Name: a.Name, Dialed: true}),
		serve(t, p.B, b, session.Options{Name: b.Name}),
	}
}

func run(t testing.TB, s *side) session.Result {
	t.Helper()
	r, err := s.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantEqual(t testing.TB, a, b *sessiontest.Replica) {
	t.Helper()
	if !maps.Equal(a.Files(), b.Files()) {
		t.Errorf("%s has %d files, %s %d, or others", a.Name, len(a.Files()), b.Name, len(b.Files()))
	}
	if !a.Knowledge().Equal(b.Knowledge()) {
		t.Errorf("%s knows %v, %s %v", a.Name, a.Knowledge(), b.Name, b.Knowledge())
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	var e *session.Error
	if !errors.Is(err, want) || !errors.As(err, &e) || e.Peer == "" {
		t.Errorf("%v, want %v with the peer's name", err, want)
	}
}

// replicas makes two replicas of which each has n files of its own.
func replicas(n, size int) (a, b *sessiontest.Replica) {
	a, b = sessiontest.NewReplica("laptop"), sessiontest.NewReplica("home")
	for i := range n {
		content := data(byte(i), size)
		a.Write(fmt.Sprintf("laptop%d", i), append(content, fmt.Sprintf("laptop%d", i)...))
		b.Write(fmt.Sprintf("home%d", i), append(content, fmt.Sprintf("home%d", i)...))
	}
	return a, b
}

// eventually is the bound of what tests wait for.
const eventually = 20 * time.Second

// settling is a replica whose disk takes its time.
type settling struct {
	*sessiontest.Replica
	d time.Duration
}

func (s settling) Settle(ctx context.Context) error {
	select {
	case <-time.After(s.d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unready is a replica that can't begin.
type unready struct {
	*sessiontest.Replica
	err error
}

func (u unready) Begin(context.Context) (version.Vector, error) { return nil, u.err }
