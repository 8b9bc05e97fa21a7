package disk

import (
	"fmt"
	"sync"
)

// much is the number of files up to which any share of them may go at once.
const much = 100

// A brake holds what may be a mishap: a folder that is not the one expected, or most of its files gone at
// once. While it is on nothing is changed on disk, and what is missing is not journaled.
type brake struct {
	mu     sync.Mutex // guards what follows; nothing is locked after it
	reason string
	passed bool // accepted: the next that is too much is let pass
}

func (b *brake) on() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reason != ""
}

func (b *brake) hold(reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reason = reason
}

// tooMuch tells whether n of so many files going at once is to be held.
func (b *brake) tooMuch(n, of int, how string) bool {
	if of <= much || n*2 <= of {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.passed {
		b.passed = false
		return false
	}
	b.reason = fmt.Sprintf("%s %d of %d files", how, n, of)
	return true
}

// Held is what is held and asked about; empty: nothing.
func (f *Folder) Held() string {
	f.brake.mu.Lock()
	defer f.brake.mu.Unlock()
	return f.brake.reason
}

// Accept lets what is held pass.
func (f *Folder) Accept() {
	f.brake.mu.Lock()
	f.brake.reason, f.brake.passed = "", true
	f.brake.mu.Unlock()
	f.Rescan()
	f.queue.poke()
}
