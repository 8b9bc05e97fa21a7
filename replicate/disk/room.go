package disk

import (
	"context"
	"errors"
	"syscall"
	"time"
)

const (
	// whenFull is how often a loop whose journal has no room looks whether it has.
	whenFull = time.Second
	// journalPath is what status names then.
	journalPath = ".syncfs/journal"
)

// roomy returns when the journal has room. Until then what programs do stays in the queue, no step is made, who asks is
// answered, and who waits for the journal is told.
func (f *Folder) roomy(ctx context.Context) error {
	for {
		err := f.journal.Room()
		if !errors.Is(err, syscall.ENOSPC) {
			if f.full != nil {
				f.full = nil
				f.accepted(journalPath)
				f.execution.unblock()
			}
			return err
		}
		f.full = err
		f.refuse(journalPath, err)
		f.publish()
		if err := f.idle(ctx, whenFull); err != nil {
			return err
		}
	}
}

// awaitJournaled is await, for what does not come about while the journal has no room.
func (f *Folder) awaitJournaled(ctx context.Context, holds func() bool) error {
	var full error
	err := f.await(ctx, func() bool {
		if holds() {
			return true
		}
		full = f.full
		return full != nil
	})
	if err != nil {
		return err
	}
	return full
}
