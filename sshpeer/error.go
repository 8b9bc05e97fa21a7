package sshpeer

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// The kinds of failure, for errors.Is.
var (
	// ErrUnknownKey: the peer shows a key, and none is recorded for it.
	ErrUnknownKey = errors.New("unknown key")
	// ErrChangedKey: the peer shows another key than the one recorded.
	ErrChangedKey = errors.New("changed key")
	// ErrNotMember: a key, here or there, that belongs to no member, or to one removed.
	ErrNotMember = errors.New("not a member")
	// ErrLogin: the OpenSSH server refused the user's login.
	ErrLogin = errors.New("login refused")
	// ErrUnreachable: no route, no answer in time, or an answer that stopped.
	ErrUnreachable = errors.New("unreachable")
	// ErrProtocol: what answers is not syncfs.
	ErrProtocol = errors.New("not the syncfs protocol")
	// ErrNoReplica: the login worked, and there is no replica or no syncfs.
	ErrNoReplica = errors.New("no replica there")
	// ErrConfig: the user's ssh_config asks for what syncfs cannot do.
	ErrConfig = errors.New("ssh_config")
)

// An Error is what was tried, with which peer, and why it ended.
type Error struct {
	Op   string // "dial", "serve", "stream"
	Peer string // the member's name, or what is known instead
	Err  error
}

func (e *Error) Error() string {
	if e.Peer == "" {
		return e.Op + ": " + e.Err.Error()
	}
	return e.Op + " " + e.Peer + ": " + e.Err.Error()
}

// Unwrap gives the cause, which is one of the kinds above.
func (e *Error) Unwrap() error { return e.Err }

// A fault is a kind in words for a person: what was found, and what mends it.
type fault struct {
	kind  error
	cause error // may be nil
	text  string
}

func (f *fault) Error() string { return f.text }

func (f *fault) Unwrap() []error {
	if f.cause == nil {
		return []error{f.kind}
	}
	return []error{f.kind, f.cause}
}

// faultf makes a fault; the last error among the arguments is its cause.
func faultf(kind error, format string, args ...any) error {
	f := &fault{kind: kind, text: fmt.Sprintf(format, args...)}
	for _, a := range args {
		if err, ok := a.(error); ok {
			f.cause = err
		}
	}
	return f
}

// hungUp reports whether err is how a connection looks whose other side has closed it.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
