package bare

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"sync"

	"syncfs/fusefs"
)

// A counter counts requests: it is the handler of a log in which each has a line.
type counter struct {
	mu  sync.Mutex // guards got
	got map[string]int
}

// Enabled asks for the requests.
func (c *counter) Enabled(_ context.Context, level slog.Level) bool {
	return level >= fusefs.LevelTrace
}

// Handle counts "rx 17: LOOKUP n1 …".
func (c *counter) Handle(_ context.Context, r slog.Record) error {
	if f := strings.Fields(r.Message); len(f) > 2 && f[0] == "rx" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.got[f[2]]++
	}
	return nil
}

// WithAttrs and WithGroup change nothing that is counted.
func (c *counter) WithAttrs([]slog.Attr) slog.Handler { return c }
func (c *counter) WithGroup(string) slog.Handler      { return c }

func (c *counter) counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.got)
}
