package disk

import (
	"context"
	"runtime"
	"time"
)

// explain says what a folder that does not come to an end is at.
func (s *station) explain() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	f := s.folder
	err := f.do(ctx, func() error {
		s.t.Logf("%s: journaled %d of %d, works %+v, %d timers, scanner ready %t waiting %t, staging empty %t, execution %+v, %d waiters",
			s.name, f.journaled, f.queue.last(), *f.works, len(f.timers), f.scanner.ready.Load(), f.scanner.waiting(), f.staging.empty(),
			f.execution, len(f.waiters))
		return nil
	})
	stacks := make([]byte, 1<<20)
	s.t.Logf("%s: asked what it is at: %v\n%s", s.name, err, stacks[:runtime.Stack(stacks, true)])
}
