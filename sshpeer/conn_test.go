package sshpeer

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"
)

func TestStreamsCarryBothWays(t *testing.T) {
	_, _, a, b := pair(t)
	if a.Peer() != "b" || b.Peer() != "a" {
		t.Errorf("peers are %q and %q", a.Peer(), b.Peer())
	}
	for _, ends := range [][2]*Conn{{a, b}, {b, a}} {
		here, there := openStream(t, ends[0], ends[1])
		say(t, here, "question")
		hear(t, there, "question")
		say(t, there, "answer")
		hear(t, here, "answer")
	}
	sent, received := a.Traffic()
	if sent < 16 || received < 16 || sent > 4000 || received > 4000 {
		t.Errorf("traffic %d out, %d in", sent, received)
	}
}

func TestStreamsRunSideBySide(t *testing.T) {
	_, _, a, b := pair(t)
	data := make([]byte, 8<<20)
	rand.Read(data)
	stuck, _ := openStream(t, a, b) // nobody reads this one
	go stuck.Write(data)
	var all sync.WaitGroup
	for range 6 {
		here, there := openStream(t, a, b)
		all.Go(func() {
			if _, err := here.Write(data); err != nil {
				t.Error(err)
			}
			here.Close()
		})
		all.Go(func() {
			got, err := io.ReadAll(there)
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes came, %v", len(got), err)
			}
		})
	}
	all.Wait()
}

func TestEndOfStreamIsNotEndOfConnection(t *testing.T) {
	_, _, a, b := pair(t)
	closed, atB := openStream(t, a, b)
	say(t, closed, "last words")
	closed.Close()
	if got, err := io.ReadAll(atB); err != nil || string(got) != "last words" {
		t.Errorf("a closed stream gave %q, %v", got, err)
	}
	if _, err := atB.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("writing to a closed stream: %v", err)
	}

	_, open := openStream(t, a, b)
	a.Close()
	if _, err := io.ReadAll(open); !errors.Is(err, ErrUnreachable) || errors.Is(err, io.EOF) {
		t.Errorf("a lost connection gave %v", err)
	}
	if _, err := b.Accept(bounded(t)); !errors.Is(err, ErrUnreachable) {
		t.Errorf("accept on a lost connection: %v", err)
	}
	if _, err := a.Open(bounded(t)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("open on a closed connection: %v", err)
	}
}

func TestContextEndsWaiting(t *testing.T) {
	_, _, a, _ := pair(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Accept(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("accept: %v", err)
	}
	if _, err := a.Open(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("open: %v", err)
	}
}

func TestStreamsThatNobodyTakesAreBounded(t *testing.T) {
	_, _, a, b := pair(t)
	var wg sync.WaitGroup
	refused := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	for range backlog + 1 {
		wg.Go(func() {
			if _, err := a.Open(ctx); err != nil && ctx.Err() == nil {
				refused <- err
			}
		})
	}
	var why *ssh.OpenChannelError
	if err := receive(t, refused); !errors.As(err, &why) || why.Reason != ssh.ResourceShortage {
		t.Errorf("one stream too many: %v", err)
	}
	cancel()
	wg.Wait()
	if _, err := b.Accept(bounded(t)); err != nil {
		t.Errorf("a stream that was waiting: %v", err)
	}
}

func TestOnlyStreamsAreServed(t *testing.T) {
	_, _, a, _ := pair(t)
	for _, kind := range []string{"session", "direct-tcpip", "x"} {
		var why *ssh.OpenChannelError
		if _, _, err := a.ssh.OpenChannel(kind, nil); !errors.As(err, &why) || why.Reason != ssh.UnknownChannelType {
			t.Errorf("channel %q: %v", kind, err)
		}
	}
}

func TestRemovedMemberIsCutAtOnce(t *testing.T) {
	a, b, atA, atB := pair(t)
	stream, _ := openStream(t, atA, atB)
	if err := b.members.Remove("a"); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Read(make([]byte, 1)); !errors.Is(err, ErrUnreachable) {
		t.Errorf("the stream of a removed member: %v", err)
	}
	<-atB.Done()
	if err := atB.Err(); !errors.Is(err, ErrNotMember) {
		t.Errorf("the connection ended with %v", err)
	}
	if _, err := a.dialer.Dial(bounded(t), "b"); !errors.Is(err, ErrNotMember) {
		t.Errorf("dial after removal: %v", err)
	}
}

func TestEditOfMembersFileCutsOpenConnections(t *testing.T) {
	_, b, _, atB := pair(t)
	other, err := OpenMembers(b.members.file) // another process, or an editor
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Remove("a"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-atB.Done():
	case <-bounded(t).Done():
		t.Fatal("still open")
	}
	if err := atB.Err(); !errors.Is(err, ErrNotMember) {
		t.Errorf("the connection ended with %v", err)
	}
}

// A peer that vanishes keeps its end of the wire open and says nothing more.
func TestVanishedPeerEndsStreamsInBounds(t *testing.T) {
	a, b := newStation(t, "a"), newStation(t, "b")
	a.knows(b, "127.0.0.1:1")
	b.knows(a, "")
	synctest.Test(t, func(t *testing.T) {
		atA, atB := newLine()
		served := make(chan error)
		arrived := make(chan *Conn, 1)
		server := *b.server
		server.Handle = func(_ context.Context, c *Conn) { arrived <- c; <-c.Done() }
		go func() { served <- server.ServeConn(t.Context(), atB) }()
		m, _ := a.members.Get("b")
		conn, err := a.dialer.shake(t.Context(), m, newWire(atA))
		if err != nil {
			t.Fatal(err)
		}
		here, err := conn.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		<-time.After(10 * defaultSilence) // an idle connection lives on
		if err := conn.Err(); err != nil {
			t.Fatalf("an idle connection ended: %v", err)
		}
		gone := time.Now()
		atA.vanish()
		if _, err := here.Read(make([]byte, 1)); !errors.Is(err, ErrUnreachable) {
			t.Errorf("read from a vanished peer: %v", err)
		}
		if took := time.Since(gone); took > defaultSilence+defaultSilence/3 {
			t.Errorf("noticed only after %v", took)
		}
		conn.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := (<-arrived).Err(); !errors.Is(err, ErrUnreachable) {
			t.Errorf("the server's side ended with %v", err)
		}
	})
}

func say(t testing.TB, s io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(s, text); err != nil {
		t.Fatal(err)
	}
}

func hear(t testing.TB, s io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(s, got); err != nil || string(got) != want {
		t.Fatalf("heard %q, %v; want %q", got, err, want)
	}
}
