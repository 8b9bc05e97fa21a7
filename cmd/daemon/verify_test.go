package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"syncfs/journal"
	"syncfs/replicate/disk"
)

// The journal is read once what comes with a start is over, and never when the folder is served no more: it may be closed.
func TestDamageIsLookedFor(t *testing.T) {
	corrupt := fmt.Errorf("journal: %w", journal.ErrCorrupt)
	ended, end := context.WithCancel(t.Context())
	end()
	for _, c := range []struct {
		ctx     context.Context
		settled error
		found   error
		looks   bool
		tells   bool
	}{
		{t.Context(), nil, nil, true, false},
		{t.Context(), nil, corrupt, true, true},
		{t.Context(), errors.New("no room"), corrupt, true, true},
		{t.Context(), disk.ErrClosed, corrupt, false, false},
		{ended, context.Canceled, corrupt, false, false},
	} {
		var d damage
		looked := false
		err := d.look(c.ctx, slog.New(slog.DiscardHandler), func(context.Context) error { return c.settled }, func() error {
			looked = true
			return c.found
		})
		l := d.problems()
		if err != nil || looked != c.looks || len(l) > 0 != c.tells {
			t.Errorf("settled %v, found %v: looked %v, told %v, %v", c.settled, c.found, looked, l, err)
		}
		if c.tells && (l[0].Path != journalPath || !strings.Contains(l[0].What, "corrupt: ")) {
			t.Errorf("told %v", l)
		}
	}
}
