package replicate

import (
	"fmt"
	"time"

	"github.com/robfig/cron/v3"
)

// A Schedule says when sessions with a peer are due. The zero Schedule is every DefaultInterval, and soon
// after a change here.
type Schedule struct {
	interval time.Duration
	cron     cron.Schedule
	off      bool
}

// DefaultInterval is the time from one session with a peer to the next.
const DefaultInterval = 15 * time.Second

// Off begins no session but those that are asked for.
var Off = Schedule{off: true}

// ParseSchedule reads the settings of a replica: interval is a duration or "off", cron an expression of
// five fields or a descriptor such as @hourly, and goes before the interval. Empty ones are not set.
func ParseSchedule(interval, expression string) (Schedule, error) {
	if expression != "" {
		s, err := cron.ParseStandard(expression)
		if err != nil {
			return Schedule{}, fmt.Errorf("schedule %q: %w", expression, err)
		}
		return Schedule{cron: s}, nil
	}
	switch interval {
	case "":
		return Schedule{}, nil
	case "off":
		return Off, nil
	}
	d, err := time.ParseDuration(interval)
	if err != nil {
		return Schedule{}, fmt.Errorf("interval %q: not a duration such as 15s, nor off", interval)
	}
	if d < time.Second {
		return Schedule{}, fmt.Errorf("interval %s: at least a second, or off", interval)
	}
	return Schedule{interval: d}, nil
}

// Next is when the session after one at last is due; zero: never.
func (s Schedule) Next(last time.Time) time.Time {
	switch {
	case s.off:
		return time.Time{}
	case s.cron != nil:
		return s.cron.Next(last)
	}
	return last.Add(s.every())
}

// prompt tells whether a change makes a session due.
func (s Schedule) prompt() bool { return !s.off && s.cron == nil }

func (s Schedule) every() time.Duration {
	if s.interval == 0 {
		return DefaultInterval
	}
	return s.interval
}
