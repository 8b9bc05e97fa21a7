package sshpeer

import (
	"context"
	"errors"
	"io"
	"os"
	"os/user"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// exitTime is how long a remote command that has stopped talking may take to say why.
const exitTime = 3 * time.Second

// A Login is the user's OpenSSH world: what `ssh` would use.
type Login struct {
	Home   string // where .ssh is
	User   string // the name to log in with if nothing else says
	Agent  string // socket of the agent, "" for none
	System string // the system's directory of ssh; "" is /etc/ssh
}

// UserLogin is the Login of whoever runs this process.
func UserLogin() (Login, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return Login{}, err
	}
	u, err := user.Current()
	if err != nil {
		return Login{}, err
	}
	return Login{Home: home, User: u.Username, Agent: os.Getenv("SSH_AUTH_SOCK")}, nil
}

// A login is a session of an OpenSSH server that runs `syncfs serve`: its stdout to read, its stdin to
// write.
type login struct {
	io.WriteCloser
	stdout  io.Reader
	silent  atomic.Bool // stdout has ended
	said    said
	route   *hop
	session *ssh.Session
	exited  chan struct{}
	exit    error // of the command; set before exited is closed
}

// serve logs in and starts syncfs there.
func (l Login) serve(ctx context.Context, m Member) (*login, error) {
	route, err := l.connect(ctx, m.Address, 0)
	if err != nil {
		return nil, err
	}
	lg, err := start(route, commandLine(m))
	if err != nil {
		route.close()
		return nil, faultf(ErrLogin, "%s opens no session: %v", route.name, err)
	}
	return lg, nil
}

func start(route *hop, line string) (*login, error) {
	session, err := route.client.NewSession()
	if err != nil {
		return nil, err
	}
	lg := &login{route: route, session: session, exited: make(chan struct{})}
	session.Stderr = &lg.said
	if lg.WriteCloser, err = session.StdinPipe(); err != nil {
		return nil, err
	}
	if lg.stdout, err = session.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := session.Start(line); err != nil {
		return nil, err
	}
	go func() {
		defer close(lg.exited)
		lg.exit = session.Wait()
	}()
	return lg, nil
}

// commandLine is what the login shell there is given.
func commandLine(m Member) string {
	command := m.Command
	if command == "" {
		command = "syncfs"
	}
	return command + " serve " + quote(m.Address.Path)
}

// quote makes one word of s for any POSIX shell. A leading dash is kept from looking like a flag.
func quote(s string) string {
	if strings.HasPrefix(s, "-") {
		s = "./" + s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func (l *login) Read(p []byte) (int, error) {
	n, err := l.stdout.Read(p)
	if err == io.EOF {
		l.silent.Store(true)
	}
	return n, err
}

// Close ends the session, and with it the connection below. A command that has stopped talking is given
// the time to end by itself, so that its status and last words are known.
func (l *login) Close() error {
	if l.silent.Load() {
		t := time.NewTimer(exitTime)
		defer t.Stop()
		select {
		case <-l.exited:
		case <-t.C:
		}
	}
	l.route.close()
	<-l.exited
	return nil
}

// failure says why the command there did not become a replica, once l is closed; err is what the
// handshake saw of it.
func (l *login) failure(m Member, err error) error {
	if !l.silent.Load() {
		return err
	}
	words := l.said.String()
	if words != "" {
		words = ": " + words
	}
	var status *ssh.ExitError
	switch {
	case !errors.As(l.exit, &status):
		return faultf(ErrNoReplica, "`%s` ended before it served%s (%v)", commandLine(m), words, err)
	case status.ExitStatus() == 127 || status.ExitStatus() == 126:
		return faultf(ErrNoReplica, "the login worked, but `%s` cannot be run there%s; where syncfs is elsewhere: syncfs peer add %s %s --command /path/to/syncfs",
			commandLine(m), words, m.Name, m.Address)
	}
	return faultf(ErrNoReplica, "`%s` ended with status %d%s", commandLine(m), status.ExitStatus(), words)
}
