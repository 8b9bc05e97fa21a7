package journal

import (
	"fmt"
	"log/slog"
	"strings"
)

// A logger hands Badger's messages on. What Badger calls information is of use only for debugging.
type logger struct{ to *slog.Logger }

func (l logger) Errorf(f string, a ...any)   { l.log((*slog.Logger).Error, f, a) }
func (l logger) Warningf(f string, a ...any) { l.log((*slog.Logger).Warn, f, a) }
func (l logger) Infof(f string, a ...any)    { l.log((*slog.Logger).Debug, f, a) }
func (l logger) Debugf(string, ...any)       {}

func (l logger) log(at func(*slog.Logger, string, ...any), format string, args []any) {
	if l.to != nil {
		at(l.to, "journal: "+strings.TrimSpace(fmt.Sprintf(format, args...)))
	}
}
