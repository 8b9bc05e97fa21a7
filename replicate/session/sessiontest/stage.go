package sessiontest

import (
	"context"
	"fmt"
	"io"
	"sync"

	"syncfs/replicate/chunk"
	"syncfs/replicate/session"
)

// A stage is kept when it is closed before it was committed, and found again.
type stage struct {
	replica *Replica
	want    session.Want

	mu   sync.Mutex // guards the rest; nothing is locked after it
	open bool
	data []byte
	end  int64 // of what was written
}

func (r *Replica) Stage(_ context.Context, w session.Want) (session.Stage, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.staged[w.Root]
	if s == nil {
		s = &stage{replica: r, want: w, data: make([]byte, w.Size)}
		r.staged[w.Root] = s
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open {
		return nil, fmt.Errorf("content %s is staged twice at a time", w.Root)
	}
	s.open = true
	return s, nil
}

func (s *stage) WriteAt(p []byte, off int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end = max(s.end, off+int64(len(p)))
	return copy(s.data[off:], p), nil
}

func (s *stage) ReadAt(p []byte, off int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if off >= s.end {
		return 0, io.EOF
	}
	n := copy(p, s.data[off:s.end])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (s *stage) Commit(_ context.Context, l chunk.List) error {
	s.replica.mu.Lock()
	defer s.replica.mu.Unlock()
	if s.replica.refuse != nil {
		return s.replica.refuse
	}
	if l.Root() != s.want.Root || chunk.Bytes(s.data).Root() != s.want.Root {
		return fmt.Errorf("what was committed as content %s is another", s.want.Root)
	}
	s.replica.hold(s.want.Root, l, s.data)
	delete(s.replica.staged, s.want.Root)
	return nil
}

func (s *stage) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = false
	return nil
}
