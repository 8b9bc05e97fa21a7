package daemon

import (
	"syncfs/cmd/config"
	"syncfs/replicate"
)

// CheckSchedule says what is wrong with a config's schedule, if anything is.
func CheckSchedule(c config.Config) error {
	_, err := schedule(c)
	return err
}

func schedule(c config.Config) (replicate.Schedule, error) {
	return replicate.ParseSchedule(c.Interval.String(), c.Schedule)
}
