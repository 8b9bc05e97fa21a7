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
		if !noRoom(err) {
			if f.full != nil {
				f.full = nil
				f.accepted(journalPath)
				f.execution.unblock()
			}
			return err
		}
		if err := f.starve(ctx, err); err != nil {
			return err
		}
	}
}

// starve tells that the journal has no room, and lets some time pass.
func (f *Folder) starve(ctx context.Context, err error) error {
	f.full = err
	f.refuse(journalPath, err)
	f.publish()
	_, err = f.idle(ctx, whenFull)
	return err
}

// noRoom says that nothing can be written to the journal for now.
func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EROFS)
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
