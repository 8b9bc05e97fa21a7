package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A progress shows one line on a terminal, rewritten as work goes on, once it has taken a second.
type progress struct {
	mu    sync.Mutex // guards what follows
	out   io.Writer  // nil: no terminal
	after time.Time
	shown bool
}

func newProgress(w io.Writer) *progress {
	p := &progress{after: time.Now().Add(time.Second)}
	if isTerminal(w) {
		p.out = w
	}
	return p
}

func (p *progress) show(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out == nil || time.Now().Before(p.after) {
		return
	}
	fmt.Fprintf(p.out, "\r\x1b[K%s", text)
	p.shown = true
}

// done wipes the line.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.shown = false
	}
}

func isTerminal(w io.Writer) bool {
	f, isFile := w.(*os.File)
	if !isFile {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
