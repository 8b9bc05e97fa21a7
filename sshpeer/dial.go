package sshpeer

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
)

// dialTime bounds a dial, from the first packet to the proven key.
const dialTime = 30 * time.Second

// A Dialer reaches members. Its fields are set before its first use.
type Dialer struct {
	Identity *Identity
	Members  *Members
	Login    Login // for members at an ssh:// address
	// Silence is how long a peer may say nothing; zero is 45 s.
	Silence time.Duration
}

// Dial connects to the member of that name. ctx bounds the dial alone, not the connection.
func (d *Dialer) Dial(ctx context.Context, name string) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	c, err := d.dial(ctx, name)
	if err != nil {
		return nil, &Error{Op: "dial", Peer: name, Err: err}
	}
	return c, nil
}

func (d *Dialer) dial(ctx context.Context, name string) (*Conn, error) {
	m, err := d.Members.Get(name)
	if err != nil {
		return nil, err
	}
	rwc, err := d.reach(ctx, m)
	if err != nil {
		return nil, err
	}
	w := newWire(rwc)
	c, err := d.shake(ctx, m, w)
	if err == nil {
		return c, nil
	}
	_ = w.Close() // what matters is why the handshake failed
	if l, ok := rwc.(*login); ok && !known(err) {
		return nil, l.failure(m, err)
	}
	return nil, err
}

// reach brings the bytes of a connection to m, which nothing has been proven about.
func (d *Dialer) reach(ctx context.Context, m Member) (io.ReadWriteCloser, error) {
	switch {
	case m.Address.IsZero():
		return nil, faultf(ErrUnreachable, "no address is known: it has to dial this replica, or: syncfs peer add %s HOST:PORT", m.Name)
	case m.Address.SSH:
		return d.Login.serve(ctx, m)
	}
	var nd net.Dialer
	nc, err := nd.DialContext(ctx, "tcp", m.Address.String())
	if err != nil {
		return nil, faultf(ErrUnreachable, "%v", err)
	}
	return nc, nil
}

// shake runs the client's half of the handshake between the replicas' own keys.
func (d *Dialer) shake(ctx context.Context, m Member, w *wire) (*Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = w.Close() })
	defer stop()
	var key Key
	var wrong error
	offered := false
	config := &ssh.ClientConfig{
		ClientVersion:     version,
		User:              d.Identity.name,
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
		HostKeyCallback: func(_ string, _ net.Addr, pub ssh.PublicKey) error {
			key, wrong = d.judge(m, pub)
			return wrong
		},
		Auth: []ssh.AuthMethod{ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
			offered = true
			return []ssh.Signer{d.Identity.signer}, nil
		})},
	}
	sc, chans, reqs, err := ssh.NewClientConn(w, m.Name, config)
	if err != nil {
		return nil, d.unmet(ctx, m, w, offered, wrong, err)
	}
	if !stop() {
		_ = sc.Close()
		return nil, faultf(ErrUnreachable, "no answer in time: %v", context.Cause(ctx))
	}
	c, err := newConn(d.Members, m, key, w, sc, chans, reqs)
	if err != nil {
		return nil, err
	}
	c.watch(d.Members, d.Silence)
	return c, nil
}

// judge holds the key that the peer has proven against those recorded for it.
func (d *Dialer) judge(m Member, pub ssh.PublicKey) (Key, error) {
	key, err := keyOf(pub)
	switch {
	case err != nil:
		return Key{}, faultf(ErrProtocol, "%v", err)
	case key == d.Identity.key:
		return Key{}, faultf(ErrProtocol, "%s leads back to this replica itself; give %s its own address", m.Address, m.Name)
	case m.Has(key):
		return key, nil
	case len(m.Keys) == 0:
		return Key{}, faultf(ErrUnknownKey, "it shows key %s, and none is recorded for it; compare it with `syncfs key --fingerprint` there, then: syncfs peer add %s --key '%s'",
			key.Fingerprint(), m.Name, key)
	}
	if other, err := d.Members.ByKey(key); err == nil {
		return Key{}, faultf(ErrChangedKey, "%s is answered by %s: its key is %s, that of %s is %s; give each its own address",
			m.Address, other.Name, key.Fingerprint(), m.Name, m.Keys[0].Fingerprint())
	}
	return Key{}, faultf(ErrChangedKey, "it shows key %s instead of %s: another machine may be posing as it; if its key was really made anew (compare with `syncfs key --fingerprint` there): syncfs peer rm %s, then syncfs peer add %s %s --key '%s'",
		key.Fingerprint(), m.Keys[0].Fingerprint(), m.Name, m.Name, m.Address, key)
}

// unmet says why a handshake came to nothing.
func (d *Dialer) unmet(ctx context.Context, m Member, w *wire, offered bool, wrong, err error) error {
	greeting, spoke := w.greeted()
	foreign := spoke && greeting != version[len("SSH-2.0-"):]
	switch {
	case foreign && !m.Address.SSH:
		return faultf(ErrProtocol, "%s is answered by %s, no replica; through a login server the address is ssh://user@host/path", m.Address, greeting)
	case foreign:
		return faultf(ErrProtocol, "the command there answers as %s, not as a replica", greeting)
	case wrong != nil:
		return wrong
	case ctx.Err() != nil:
		return faultf(ErrUnreachable, "no answer in time: %v", ctx.Err())
	case offered:
		return faultf(ErrNotMember, "it does not know this replica's key; there: syncfs peer add %s --key '%s'", d.Identity.name, d.Identity.key)
	case w.received.Load() == 0:
		return faultf(ErrUnreachable, "hung up without a word (%v)", err)
	case !spoke:
		return faultf(ErrProtocol, "does not speak SSH: it began with %q", w.began())
	case hungUp(err):
		return faultf(ErrUnreachable, "hung up in the handshake (%v)", err)
	}
	return faultf(ErrProtocol, "broke the handshake: %v", err)
}

// known reports whether err already says what the replica there thinks, so that the end of the command
// that carried it adds nothing.
func known(err error) bool {
	return errors.Is(err, ErrUnknownKey) || errors.Is(err, ErrChangedKey) || errors.Is(err, ErrNotMember)
}
