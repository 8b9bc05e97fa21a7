package session

import (
	"context"
	"errors"
	"fmt"
)

// An Error is what ended a connection with a peer, or a session.
type Error struct {
	Op   string
	Peer string
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s with %s: %v", e.Op, e.Peer, e.Err) }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// What an Error may wrap, besides what the connection or this replica say.
var (
	ErrVersion  = errors.New("no protocol in common; upgrade the older syncfs")
	ErrProtocol = errors.New("the peer does not keep to the protocol")
	ErrContent  = errors.New("the peer sent other content than it was asked for")
	ErrSilent   = errors.New("nothing was heard from the peer; it is gone or the network is")
	ErrRefused  = errors.New("the peer refused to go on")
	ErrClosed   = errors.New("the peer closed the connection")
)

// violation is an ErrProtocol that says in which way.
func violation(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrProtocol, fmt.Errorf(format, args...))
}

// A localError is what this replica couldn't do. The peer is told.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

// local marks err as this replica's own, unless it only passes on why the connection ended.
func local(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	return &localError{err}
}
