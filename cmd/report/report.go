// Package report holds what commands tell of a replica: the schema of every --json, which is also what
// the daemon answers on its control socket. The manual documents it; a field is never renamed.
package report

import "time"

// An Amount counts items and the bytes of their contents.
type Amount struct {
	Items int   `json:"items"`
	Bytes int64 `json:"bytes"`
}

// Status is what `syncfs status --json` prints.
type Status struct {
	Folder    string     `json:"folder"`
	Name      string     `json:"name"`    // of the replica
	Mounted   bool       `json:"mounted"` // by a daemon that answers
	PID       int        `json:"pid"`     // of the daemon; 0 where none runs
	Version   string     `json:"version"`
	Started   *time.Time `json:"started,omitempty"`
	Listen    string     `json:"listen,omitempty"` // address of the embedded server
	Interval  string     `json:"interval,omitempty"`
	Schedule  string     `json:"schedule,omitempty"`
	ReadOnly  bool       `json:"read_only,omitempty"`
	Scan      Scan       `json:"scan"`
	Outgoing  Amount     `json:"outgoing"` // changed here, not yet known to be at every peer
	Wanted    Amount     `json:"wanted"`   // known, content not here yet
	Absent    int        `json:"absent"`   // files that are listed and have no content here
	Conflicts int        `json:"conflicts"`
	Writing   []string   `json:"writing"` // files that programs are writing
	Problems  []Problem  `json:"problems"`
	Peers     []Peer     `json:"peers"`
	Transfers []Transfer `json:"transfers"`
}

// A Scan is the search for changes made while the folder was not mounted.
type Scan struct {
	Running bool  `json:"running"`
	Files   int64 `json:"files"`           // looked at so far
	Total   int64 `json:"total,omitempty"` // known before it began; 0 at the first
}

// A Problem is what stays undone until somebody mends its cause. Path or Peer says what it is about.
type Problem struct {
	Path string `json:"path,omitempty"`
	Peer string `json:"peer,omitempty"`
	What string `json:"what"`
}

// A Peer is one of the replicas that this one is to be in step with. State is "never" (no session yet),
// "ok", "syncing" or "failed"; Error is why the last try failed.
type Peer struct {
	Name        string     `json:"name"`
	Address     string     `json:"address,omitempty"` // empty: it dials this replica
	Command     string     `json:"command,omitempty"`
	Key         string     `json:"key,omitempty"` // SHA256 fingerprint
	State       string     `json:"state,omitempty"`
	LastSession *time.Time `json:"last_session,omitempty"`
	NextSession *time.Time `json:"next_session,omitempty"`
	Outgoing    *Amount    `json:"outgoing,omitempty"` // known here and not yet there
	Sent        int64      `json:"sent"`               // bytes on the wire since the daemon started
	Received    int64      `json:"received"`           // bytes on the wire since the daemon started
	Error       string     `json:"error,omitempty"`
}

// A Transfer is a content on its way to here.
type Transfer struct {
	Peer  string `json:"peer"`
	Path  string `json:"path"`
	Done  int64  `json:"done"`
	Bytes int64  `json:"bytes"`
}

// Flush is what `syncfs flush --json` prints. Complete: exit status 0, else 3 and Problems says why.
type Flush struct {
	Complete bool      `json:"complete"`
	Peers    []string  `json:"peers"` // that were reached, and hold what this replica had
	Problems []Problem `json:"problems"`
}

// A Conflict is one element of what `syncfs conflicts --json` prints.
type Conflict struct {
	Path    string    `json:"path"`    // of the version that lost, with the mark in its name
	Of      string    `json:"of"`      // the name without the mark
	Replica string    `json:"replica"` // where the version that lost was made
	Time    time.Time `json:"time"`    // when
}

// Key is what `syncfs key --json` prints.
type Key struct {
	Name        string `json:"name"`
	Key         string `json:"key"` // an authorized_keys line
	Fingerprint string `json:"fingerprint"`
}
