package daemon

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"syncfs/cmd/report"
	"syncfs/replicate"
)

// What could not be stamped is told beside what came of the sessions, unless they were given up with it.
func TestFlushTellsOfAllPeers(t *testing.T) {
	outcomes := []replicate.Outcome{{Peer: "home", Kind: replicate.OK}, {Peer: "work", Kind: replicate.Unreachable, Err: errors.New("away")}}
	away := report.Problem{Peer: "work", What: "away"}
	for _, c := range []struct {
		unstamped error
		problems  []report.Problem
	}{
		{nil, []report.Problem{away}},
		{context.DeadlineExceeded, []report.Problem{away}},
		{errors.New("no room"), []report.Problem{{What: "changes are not journaled: no room"}, away}},
	} {
		var done report.Flush
		tell(&done, outcomes, c.unstamped)
		if !reflect.DeepEqual(done.Peers, []string{"home"}) || !reflect.DeepEqual(done.Problems, c.problems) {
			t.Errorf("%v: %+v", c.unstamped, done)
		}
	}
}
