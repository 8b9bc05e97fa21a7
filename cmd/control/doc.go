// Package control is how commands speak with the daemon of a folder: over a socket outside the folder,
// since the mount hides what is in .syncfs.
//
// One request a connection, as a line of JSON; then lines of JSON come back, any number that tell of
// progress and one with the result or the error:
//
//	→ {"op":"flush","args":{"timeout":"30s"}}
//	← {"progress":"home: 120 of 450 files"}
//	← {"result":{...}}      or  {"error":"..."}
//
// A request may hand files over (serve: its standard input and output), as descriptors beside its bytes. A first result
// says that the daemon has them; it uses them until it says a second, or an error, or the command closes the connection.
//
// The socket is named by a hash of the folder. It lies in $XDG_RUNTIME_DIR, else /run/user/UID, else
// syncfs-UID in the temporary directory: only where the directory is the user's own and closed to
// others. sshd and cron often lack the variable: a socket that only the variable leads to is linked
// where it is found without, and commands look in all. Both ends check that the other is the same user
// or root.
package control

import (
	"encoding/json"
	"errors"
)

type request struct {
	Op   string          `json:"op"`
	Args json.RawMessage `json:"args,omitempty"`
}

type reply struct {
	Progress string          `json:"progress,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
	Error    string          `json:"error,omitempty"`
}

// ErrNone: no daemon answers for the folder.
var ErrNone = errors.New("no daemon answers for it")

// Bounds of a line: a list of conflicts may be long, a request never is.
const (
	maxRequest = 1 << 20
	maxReply   = 256 << 20
)
