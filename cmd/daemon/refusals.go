package daemon

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"syncfs/cmd/report"
	"syncfs/sshpeer"
)

const (
	maxRefusals = 16
	refusalAge  = time.Hour
)

// refusals are the latest who were not let in: a wrong key there is to be seen here too.
type refusals struct {
	mu   sync.Mutex // guards what follows; nothing is locked after it
	list []refusal  // the latest last, one of each host and name
}

type refusal struct {
	host, peer string
	err        error
	at         time.Time
}

func (r *refusals) note(refused sshpeer.Refusal, now time.Time) {
	host, _, err := net.SplitHostPort(refused.From)
	if err != nil {
		host = refused.From
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = slices.DeleteFunc(r.list, func(o refusal) bool { return o.host == host && o.peer == refused.Peer })
	r.list = append(r.list, refusal{host: host, peer: refused.Peer, err: refused.Err, at: now})
	r.list = r.list[max(0, len(r.list)-maxRefusals):]
}

// problems are the refusals of the last hour. One of a peer that had a session since then is over.
func (r *refusals) problems(now time.Time, lastSession func(peer string) time.Time) []report.Problem {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []report.Problem
	for _, o := range r.list {
		if now.Sub(o.at) < refusalAge && lastSession(o.peer).Before(o.at) {
			all = append(all, report.Problem{Peer: o.peer, What: fmt.Sprintf("refused a connection from %s: %v", o.host, o.err)})
		}
	}
	return all
}
