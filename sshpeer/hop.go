package sshpeer

import (
	"context"
	"io"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// maxHops bounds a chain of jump hosts, which may be a circle.
const maxHops = 8

// A hop is a login at an OpenSSH server, with everything below that it stands on.
type hop struct {
	name   string // user@host:port
	client *ssh.Client
	below  []io.Closer // closed after client, last first
	once   sync.Once
	said   said // stderr of a ProxyCommand
}

func (h *hop) close() {
	h.once.Do(func() {
		if h.client != nil {
			_ = h.client.Close() // it is being given up
		}
		for _, c := range slices.Backward(h.below) {
			_ = c.Close()
		}
	})
}

// connect logs in at a, through whatever ssh_config puts before it.
func (l Login) connect(ctx context.Context, a Address, depth int) (*hop, error) {
	if depth > maxHops {
		return nil, faultf(ErrConfig, "more than %d jump hosts before %s", maxHops, a.Host)
	}
	t, err := l.target(a)
	if err != nil {
		return nil, err
	}
	if t.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.timeout)
		defer cancel()
	}
	h := &hop{name: t.user + "@" + t.address()}
	nc, err := l.line(ctx, t, h, depth)
	if err == nil {
		err = l.authenticate(ctx, t, h, nc)
	}
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// line brings bytes to t's SSH server: directly, through a jump host or through a command.
func (l Login) line(ctx context.Context, t *target, h *hop, depth int) (net.Conn, error) {
	switch {
	case t.proxyCommand != "":
		return command(t, h)
	case len(t.jumps) > 0:
		// The last jump host reaches t; the ones before it are its own jump hosts.
		before, err := l.jump(ctx, t.jumps, depth)
		if err != nil {
			return nil, err
		}
		h.below = append(h.below, closer(before.close))
		nc, err := before.client.DialContext(ctx, "tcp", t.address())
		if err != nil {
			return nil, faultf(ErrUnreachable, "%s through %s: %v", h.name, before.name, err)
		}
		return nc, nil
	}
	var nd net.Dialer
	nc, err := nd.DialContext(ctx, t.network, t.address())
	if err != nil {
		return nil, faultf(ErrUnreachable, "%v", err)
	}
	return nc, nil
}

// jump logs in along a chain of jump hosts, each reached through the one before it.
func (l Login) jump(ctx context.Context, chain []Address, depth int) (*hop, error) {
	last := chain[len(chain)-1]
	if len(chain) == 1 {
		return l.connect(ctx, last, depth+1)
	}
	t, err := l.target(last)
	if err != nil {
		return nil, err
	}
	t.jumps, t.proxyCommand = chain[:len(chain)-1], ""
	h := &hop{name: t.user + "@" + t.address()}
	nc, err := l.line(ctx, t, h, depth+1)
	if err == nil {
		err = l.authenticate(ctx, t, h, nc)
	}
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// authenticate proves the host's key and the user's.
func (l Login) authenticate(ctx context.Context, t *target, h *hop, nc net.Conn) error {
	h.below = append(h.below, nc)
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	hosts, err := t.hostKeys()
	if err != nil {
		return err
	}
	keys := l.userKeys(ctx, t)
	h.below = append(h.below, closer(keys.close))
	w := newWire(nc)
	config := &ssh.ClientConfig{
		User:              t.user,
		HostKeyCallback:   hosts.check,
		HostKeyAlgorithms: hosts.algorithms(),
		Auth:              []ssh.AuthMethod{ssh.PublicKeysCallback(keys.offer)},
	}
	sc, chans, reqs, err := ssh.NewClientConn(w, t.address(), config)
	switch {
	case err == nil:
		h.client = ssh.NewClient(sc, chans, reqs)
		return nil
	case hosts.wrong != nil:
		return hosts.wrong
	case ctx.Err() != nil:
		return faultf(ErrUnreachable, "%s: no answer in time: %v", h.name, ctx.Err())
	case keys.offered:
		return faultf(ErrLogin, "%s lets none of the user's keys in: %s; `ssh-copy-id -p %s %s@%s` puts one there", h.name, keys, t.port, t.user, t.host)
	case hungUp(err):
		return faultf(ErrUnreachable, "%s hung up (%v) %s", h.name, err, &h.said)
	}
	return faultf(ErrProtocol, "%s: %v", h.name, err)
}

// command runs a ProxyCommand, whose stdin and stdout are the line.
func command(t *target, h *hop) (net.Conn, error) {
	cmd := exec.Command("/bin/sh", "-c", "exec "+t.proxyCommand)
	cmd.Stderr = &h.said
	cmd.WaitDelay = exitTime // what it has started may still hold stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, faultf(ErrUnreachable, "ProxyCommand: %v", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, faultf(ErrUnreachable, "ProxyCommand: %v", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, faultf(ErrUnreachable, "ProxyCommand `%s`: %v", t.proxyCommand, err)
	}
	h.name += " (ProxyCommand " + strings.Fields(t.proxyCommand)[0] + ")"
	return newWire(struct {
		io.Reader
		io.Writer
		io.Closer
	}{out, in, closer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed: its status tells nothing
	})}), nil
}

// A closer is a function as an io.Closer.
type closer func()

func (c closer) Close() error { c(); return nil }
