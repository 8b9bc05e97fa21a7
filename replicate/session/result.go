package session

import (
	"time"

	"syncfs/journal/version"
)

// A Result is what a session came to.
type Result struct {
	Peer         string
	Began, Ended time.Time
	Skew         time.Duration // the peer's clock less this one's, within the time a message takes

	Sent, Received int64 // bytes on the streams, as long as the session was

	StatesSent, StatesReceived int

	Contents int   // contents that came to be here
	Fetched  int64 // bytes of them that the peer sent
	Reused   int64 // bytes of them that were in the folder or left by an earlier try

	Lacking int   // contents wanted that the peer doesn't have
	Refused int   // contents that this replica couldn't put down
	Err     error // why, of the first of them

	Ours, Theirs Rest // what is not on disk at the end

	Knowledge version.Vector // of both at the end: each has joined all that the other offered
}
