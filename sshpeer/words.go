package sshpeer

import (
	"strings"
	"sync"
	"unicode"
)

// printable keeps what another machine said from moving the cursor of a terminal or starting a log line
// of its own.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r == unicode.ReplacementChar || !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s))
}

// saidLimit bounds what is kept of a remote command's stderr.
const saidLimit = 2048

// A said is the end of what a command wrote to stderr.
type said struct {
	mu   sync.Mutex // guards text
	text []byte
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, p...)
	if over := len(s.text) - saidLimit; over > 0 {
		s.text = append(s.text[:0], s.text[over:]...)
	}
	return len(p), nil
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return printable(string(s.text))
}
