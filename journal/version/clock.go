package version

// A Clock is the hybrid logical clock of a replica: it goes with the machine's clock, but never
// back, and never behind a timestamp that the replica has seen. It may be copied; it guards itself
// against nothing.
type Clock struct {
	Replica string
	Last    int64
}

// horizon is in the year 2116. A timestamp from beyond it is a fault somewhere: it orders writes like
// any other, but no clock follows it, so none can be driven to where it cannot go on.
const horizon = 1 << 62

// Now is a timestamp later than all that the clock has given or observed. Physical is what the
// machine's clock shows, in nanoseconds since 1970.
func (c *Clock) Now(physical int64) Timestamp {
	c.Last = max(c.Last+1, physical)
	return Timestamp{Time: c.Last, Replica: c.Replica}
}

// Observe has every later timestamp of the clock come after t.
func (c *Clock) Observe(t Timestamp) {
	if t.Time < horizon {
		c.Last = max(c.Last, t.Time)
	}
}
