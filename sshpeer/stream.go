package sshpeer

import (
	"errors"
	"io"

	"golang.org/x/crypto/ssh"
)

// streamType is the SSH channel type of a stream. Other types are refused: no shell, no forwarding.
const streamType = "syncfs-stream"

// A stream is one SSH channel. One reader and one writer at a time.
type stream struct {
	ch   ssh.Channel
	conn *Conn
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.ch.Read(p)
	if err == nil {
		return n, nil
	}
	if err == io.EOF && s.conn.alive() {
		return n, io.EOF
	}
	return n, s.conn.because(err)
}

// most is what is written of a stream in one packet: with all that is put around it, it fits into one packet of a login.
const most = 32<<10 - 64

func (s *stream) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var more int
		more, err = s.ch.Write(p[n:min(len(p), n+most)])
		n += more
	}
	if err == nil {
		return n, nil
	}
	if err == io.EOF && s.conn.alive() {
		return n, &Error{Op: "stream", Peer: s.conn.peer, Err: io.ErrClosedPipe}
	}
	return n, s.conn.because(err)
}

// Close ends both directions of this stream alone. What was written before still arrives.
func (s *stream) Close() error {
	if err := s.ch.Close(); err != nil && !errors.Is(err, io.EOF) {
		return s.conn.because(err)
	}
	return nil
}
