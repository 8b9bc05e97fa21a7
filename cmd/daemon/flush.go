package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"syncfs/cmd/report"
	"syncfs/replicate"
	"syncfs/sshpeer"
)

// flush syncs with one peer or all of them, once what programs did before it is in the journal.
func (r *replica) flush(ctx context.Context, raw json.RawMessage, progress func(string)) (any, error) {
	var args Flush
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, fmt.Errorf("arguments: %w", err)
	}
	peers, err := r.named(args.Peer)
	if err != nil {
		return nil, err
	}
	if args.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, args.Timeout)
		defer cancel()
	}
	done := report.Flush{Peers: []string{}, Problems: []report.Problem{}}
	done.Problems = append(done.Problems, r.comeToRest(ctx, progress)...)
	progress("syncing")
	if err := r.disk.Retry(ctx); err != nil && ctx.Err() == nil {
		return nil, err
	}
	outcomes, err := r.sync(ctx, peers)
	asked := tell(&done, outcomes, err)
	if len(done.Problems) > 0 {
		named, err := r.undone(context.WithoutCancel(ctx), asked)
		if err != nil {
			return nil, err
		}
		for _, p := range named {
			if !slices.Contains(done.Problems, p) {
				done.Problems = append(done.Problems, p)
			}
		}
	}
	done.Complete = len(done.Problems) == 0
	return done, nil
}

// tell puts what came of the sessions into a report, and why not all was stamped. Asked are the peers that were asked for
// contents in vain.
func tell(done *report.Flush, outcomes []replicate.Outcome, unstamped error) (asked []string) {
	if unstamped != nil && !errors.Is(unstamped, context.Canceled) && !errors.Is(unstamped, context.DeadlineExceeded) {
		done.Problems = append(done.Problems, report.Problem{What: "changes are not journaled: " + told(unstamped)})
	}
	for _, o := range outcomes {
		if o.Kind == replicate.OK {
			done.Peers = append(done.Peers, o.Peer)
			continue
		}
		if o.Result.Ours.Wanted > 0 && o.Result.Refused == 0 {
			asked = append(asked, o.Peer)
		}
		done.Problems = append(done.Problems, report.Problem{Peer: o.Peer, What: outcome(o)})
	}
	return asked
}

// sync has the sessions of a flush. What is to be stamped is stamped while peers are dialed: err says why it was not.
func (r *replica) sync(ctx context.Context, peers []string) (outcomes []replicate.Outcome, err error) {
	stamped := make(chan error, 1)
	go func() { stamped <- r.disk.Stamp(ctx) }()
	outcomes = r.replicator.Flush(ctx, peers...)
	return outcomes, <-stamped
}

// named is the peers that a flush is for; none: all.
func (r *replica) named(peer string) ([]string, error) {
	if peer == "" {
		return nil, nil
	}
	if _, err := r.members.Get(peer); errors.Is(err, sshpeer.ErrNotMember) {
		return nil, fmt.Errorf("flush: %s is no peer of this replica; `syncfs peer ls` lists them", peer)
	} else if err != nil {
		return nil, err
	}
	return []string{peer}, nil
}

func outcome(o replicate.Outcome) string {
	if o.Err != nil {
		return told(o.Err)
	}
	return o.Kind.String()
}

// comeToRest waits until a running scan has ended, no program is writing what it was before, and the journal has it all,
// and tells what is not at rest when ctx ends. If ctx has no end files that are being written are waited for for a while.
func (r *replica) comeToRest(ctx context.Context, progress func(string)) []report.Problem {
	if m := r.under.mount; m != nil {
		if err := m.Sync(ctx); err != nil {
			return []report.Problem{{What: fmt.Sprintf("syncfs(2) on the mount: %v", err)}}
		}
	}
	settled := make(chan error, 1)
	waiting, giveUp := context.WithCancel(ctx)
	defer giveUp()
	go func() { settled <- r.disk.WaitSettled(waiting) }()
	_, bounded := ctx.Deadline()
	began := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-settled:
			if err == nil {
				return nil
			}
			return r.restless(err)
		case <-tick.C:
		}
		now := r.disk.Status()
		if now.Held != "" {
			giveUp()
			<-settled
			return []report.Problem{{What: "held: " + now.Held}}
		}
		if now.Scanning {
			began = time.Now()
		}
		written := now.Writing > 0 && now.Writing == now.Pending // and nothing else is missing
		if written && !bounded && time.Since(began) > replicate.Patience {
			giveUp() // restless names them
		}
		progress(fmt.Sprintf("taking in changes: %d looked at, %d files to read, %d being written", now.Scanned, now.Pending, now.Writing))
	}
}

// restless is what had not come to rest when waiting for it ended with err.
func (r *replica) restless(err error) []report.Problem {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var problems []report.Problem
	writing, _ := r.disk.Writing(ctx) // if that fails too, err is told
	for _, path := range writing {
		problems = append(problems, report.Problem{Path: path, What: "still being written"})
	}
	if r.disk.Status().Scanning {
		problems = append(problems, report.Problem{What: "the scan of the folder has not ended"})
	}
	if len(problems) == 0 {
		problems = []report.Problem{{What: "changes are not journaled: " + told(err)}}
	}
	return problems
}
