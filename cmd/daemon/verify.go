package daemon

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"syncfs/cmd/report"
	"syncfs/replicate/disk"
)

// journalPath is what is said to be damaged.
const journalPath = ".syncfs/journal"

// A damage is what the disk has done to the bytes of the journal: nil, as far as is known.
type damage struct{ err atomic.Pointer[error] }

// look has all of the journal read once, when what comes with a start is over. What it finds is told, and nothing is
// mended: what is read there amid other work is told by whoever reads it.
func (d *damage) look(ctx context.Context, log *slog.Logger, settled func(context.Context) error, verify func() error) error {
	if err := settled(ctx); ctx.Err() != nil || errors.Is(err, disk.ErrClosed) {
		return nil
	}
	if err := verify(); err != nil {
		log.Error("the journal is damaged", "err", err)
		d.err.Store(&err)
	}
	return nil
}

func (d *damage) problems() []report.Problem {
	err := d.err.Load()
	if err == nil {
		return nil
	}
	return []report.Problem{{Path: journalPath, What: told(*err)}}
}
