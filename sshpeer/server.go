package sshpeer

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// version is how both sides greet: it tells a replica from a login server.
const version = "SSH-2.0-syncfs"

// A Server lets members in. Its fields are set before its first use.
type Server struct {
	Identity *Identity
	Members  *Members
	// Handle is given each authenticated connection, which is closed when it returns.
	Handle func(context.Context, *Conn)
	// Refused is told, if it is not nil, of everyone who was not let in. It must be quick.
	Refused func(Refusal)
	// Silence is how long a peer may say nothing; zero is 45 s.
	Silence time.Duration
}

// A Refusal is a connection that was not let in.
type Refusal struct {
	Peer string // the member's name, or the name it gives itself, which may be a lie, or ""
	From string // its network address
	Err  error
}

// Serve takes connections from ln until ctx ends, then closes ln, ends the connections and waits for
// their handlers.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	defer ln.Close()
	var waiting waiting
	var handlers sync.WaitGroup
	defer handlers.Wait()
	for {
		nc, err := ln.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return &Error{Op: "serve", Peer: ln.Addr().String(), Err: err}
		case err != nil:
			// Out of descriptors, or the like: others may give some back.
			if !pause(ctx, 100*time.Millisecond) {
				return nil
			}
			continue
		}
		leave := waiting.enter(nc)
		handlers.Go(func() { _ = s.serve(ctx, nc, leave) }) // told to Refused
	}
}

// ServeConn serves one connection that something else has brought, and is back when it has been handled.
// The error says why it was not let in.
func (s *Server) ServeConn(ctx context.Context, rwc io.ReadWriteCloser) error {
	return s.serve(ctx, rwc, func() {})
}

func (s *Server) serve(ctx context.Context, rwc io.ReadWriteCloser, authenticated func()) error {
	w := newWire(rwc)
	c, name, err := s.shake(ctx, w)
	authenticated()
	if err != nil {
		err = &Error{Op: "serve", Peer: name, Err: err}
		if s.Refused != nil && ctx.Err() == nil {
			s.Refused(Refusal{Peer: name, From: w.RemoteAddr().String(), Err: err})
		}
		return err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.end(ctx.Err()) })
	defer stop()
	s.Handle(ctx, c)
	return nil
}

// shake runs the server's half of the handshake. name is the peer's as far as it is known.
func (s *Server) shake(ctx context.Context, w *wire) (c *Conn, name string, err error) {
	ctx, cancel := context.WithTimeout(ctx, authTime)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = w.Close() })
	defer stop()

	var member Member
	var key Key
	var denied error
	config := &ssh.ServerConfig{
		ServerVersion:           version,
		MaxAuthTries:            3,
		PublicKeyAuthAlgorithms: []string{ssh.KeyAlgoED25519},
		PublicKeyCallback: func(meta ssh.ConnMetadata, pub ssh.PublicKey) (*ssh.Permissions, error) {
			name = printable(cutTo(meta.User(), 32))
			if _, _, denied = s.whose(pub); denied != nil {
				return nil, denied
			}
			return &ssh.Permissions{}, nil
		},
		// The key is looked up again once it is proven: only that one counts.
		VerifiedPublicKeyCallback: func(_ ssh.ConnMetadata, pub ssh.PublicKey, p *ssh.Permissions, _ string) (*ssh.Permissions, error) {
			member, key, denied = s.whose(pub)
			return p, denied
		},
	}
	config.AddHostKey(s.Identity.signer)
	sc, chans, reqs, err := ssh.NewServerConn(w, config)
	if err != nil {
		return nil, name, s.unlet(ctx, w, denied, err)
	}
	if !stop() {
		_ = sc.Close()
		return nil, member.Name, faultf(ErrUnreachable, "did not authenticate within %v", authTime)
	}
	c, err = newConn(s.Members, member, key, w, sc, chans, reqs)
	if err != nil {
		return nil, member.Name, err
	}
	c.watch(s.Members, s.Silence)
	return c, member.Name, nil
}

func (s *Server) whose(pub ssh.PublicKey) (Member, Key, error) {
	key, err := keyOf(pub)
	if err != nil {
		return Member{}, Key{}, faultf(ErrNotMember, "%v", err)
	}
	m, err := s.Members.ByKey(key)
	return m, key, err
}

// unlet says why a handshake came to nothing.
func (s *Server) unlet(ctx context.Context, w *wire, denied, err error) error {
	_, spoke := w.greeted()
	switch {
	case denied != nil:
		return denied
	case ctx.Err() != nil && w.received.Load() == 0:
		return faultf(ErrUnreachable, "connected and said nothing for %v", authTime)
	case ctx.Err() != nil:
		return faultf(ErrUnreachable, "did not authenticate within %v", authTime)
	case w.received.Load() == 0:
		return faultf(ErrUnreachable, "hung up without a word (%v)", err)
	case !spoke:
		return faultf(ErrProtocol, "does not speak SSH: it began with %q", w.began())
	case hungUp(err):
		return faultf(ErrNotMember, "hung up at the sight of this replica's key: there, "+
			"syncfs peer add %s --key '%s' makes it known (%v)", s.Identity.name, s.Identity.key, err)
	}
	return faultf(ErrProtocol, "broke the handshake: %v", err)
}

func cutTo(s string, n int) string { return s[:min(n, len(s))] }

// pause waits, and reports whether ctx still lives.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
