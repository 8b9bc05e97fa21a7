package daemon

import "time"

// The requests that a replica answers; results are in package report.
const (
	OpKey       = "key"       // report.Key
	OpPeerAdd   = "peer-add"  // PeerAdd
	OpPeerRm    = "peer-rm"   // the name
	OpPeerLs    = "peer-ls"   // []report.Peer
	OpStatus    = "status"    // report.Status
	OpFlush     = "flush"     // Flush; report.Flush
	OpConflicts = "conflicts" // []report.Conflict
	OpStop      = "stop"      // answered when the folder is unmounted; then the process ends
	OpServe     = "serve-on"  // hands over standard input and output: one peer's connection
)

// PeerAdd makes a member or changes one; an empty field leaves what was.
type PeerAdd struct {
	Name    string `json:"name"`
	Address string `json:"address,omitempty"`
	Key     string `json:"key,omitempty"`
	Command string `json:"command,omitempty"`
}

// Flush asks for sessions with one peer, or with all.
type Flush struct {
	Peer    string        `json:"peer,omitempty"`
	Timeout time.Duration `json:"timeout,omitempty"`
}
