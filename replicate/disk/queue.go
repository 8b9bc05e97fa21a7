package disk

import (
	"strings"
	"sync"

	"syncfs/journal/change"
	"syncfs/journal/step"
)

// recorded is a change in the queue.
type recorded struct {
	change.Change
	attr *step.Attr // what was set of an absent file
}

// A queue holds what programs did until the loop has journaled it.
type queue struct {
	mu      sync.Mutex // guards what follows; nothing is locked after it
	changes []recorded
	done    uint64 // order number of the last change journaled: changes[0] is the one after
	wake    chan struct{}
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// add appends a change and returns its order number.
func (q *queue) add(c recorded) uint64 {
	q.mu.Lock()
	q.changes = append(q.changes, c)
	n := q.done + uint64(len(q.changes))
	q.mu.Unlock()
	q.poke()
	return n
}

// poke has the loop look.
func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// last is the order number of the last change recorded.
func (q *queue) last() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.done + uint64(len(q.changes))
}

// length is how many changes are not journaled yet.
func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.changes)
}

// after returns up to limit changes that follow the order number n; they stay in the queue.
func (q *queue) after(n uint64, limit int) []recorded {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.changes[min(n-q.done, uint64(len(q.changes))):]
	return l[:min(limit, len(l)):min(limit, len(l))]
}

// drop forgets the changes up to the order number n: they are journaled.
func (q *queue) drop(n uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n > q.done {
		q.changes = q.changes[n-q.done:]
		q.done = n
	}
	if len(q.changes) == 0 {
		q.changes = nil
	}
}

// before is where what is now at path was when the first change of the queue was made, and what was set of
// its attributes since, the latest first. It is false where a change made path what it is: then the journal
// knows nothing of it yet.
func (q *queue) before(path string) (string, []step.Attr, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var set []step.Attr
	for i := len(q.changes) - 1; i >= 0; i-- {
		c := q.changes[i]
		if c.attr != nil && c.Path == path {
			set = append(set, *c.attr)
		}
		var ok bool
		if path, ok = undo(c.Change, path); !ok {
			return "", nil, false
		}
	}
	return path, set, true
}

// namesIn are the names of dir that something was renamed to.
func (q *queue) namesIn(dir string) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var l []string
	for _, c := range q.changes {
		if c.Kind != change.Rename && c.Kind != change.Exchange {
			continue
		}
		for _, p := range []string{c.Path, c.To} {
			if up, name := split(p); up == dir {
				l = append(l, name)
			}
		}
	}
	return l
}

// touches tells whether a change of the queue after the order number n moved or removed path, or a
// directory above it.
func (q *queue) touches(n uint64, path string) bool {
	for _, c := range q.after(n, int(^uint(0)>>1)) {
		switch c.Kind {
		case change.Unlink, change.Rmdir:
			if c.Path == path {
				return true
			}
		case change.Rename, change.Exchange:
			if within(path, c.Path) || within(path, c.To) {
				return true
			}
		}
	}
	return false
}

// undo is where what is at path after c was before it; false where c made or removed it.
func undo(c change.Change, path string) (string, bool) {
	switch c.Kind {
	case change.Create, change.Mkdir, change.Symlink, change.Unlink, change.Rmdir:
		return path, !within(path, c.Path)
	case change.Link:
		return path, path != c.To
	case change.Rename:
		if within(path, c.To) {
			return c.Path + path[len(c.To):], true
		}
		return path, !within(path, c.Path)
	case change.Exchange:
		if within(path, c.To) {
			return c.Path + path[len(c.To):], true
		}
		if within(path, c.Path) {
			return c.To + path[len(c.Path):], true
		}
	}
	return path, true
}

// within tells whether path is dir or below it.
func within(path, dir string) bool {
	return strings.HasPrefix(path, dir) && (len(path) == len(dir) || dir == "" || path[len(dir)] == '/')
}
