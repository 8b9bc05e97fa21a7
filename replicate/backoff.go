package replicate

import "time"

// A peer that is away is tried again after a time that doubles from first to last, give or take a quarter,
// so that many who lost the same peer don't come back at the same moment.
const (
	firstRetry = 5 * time.Second
	lastRetry  = 5 * time.Minute
)

// backoff is how long to wait after so many failures, one after another. random is in [0, 1).
func backoff(failures int, random float64) time.Duration {
	d := firstRetry
	for i := 1; i < failures && d < lastRetry; i++ {
		d *= 2
	}
	d = min(d, lastRetry)
	return d*3/4 + time.Duration(random*float64(d/2))
}
