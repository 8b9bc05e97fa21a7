package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"syncfs/cmd/report"
	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate"
	"syncfs/replicate/session"
	"syncfs/replicate/tree"
)

func (r *replica) status(ctx context.Context, _ none) (report.Status, error) {
	s := report.Status{
		Folder:   r.folder,
		Name:     r.config.Name,
		Version:  Version,
		Listen:   r.listen,
		Writing:  []string{},
		Problems: []report.Problem{},
		Peers:    []report.Peer{},
	}
	if r.under.mount != nil {
		s.Mounted, s.PID, s.Started = true, os.Getpid(), &r.began
		s.Interval, s.Schedule, s.ReadOnly = r.config.Interval.String(), r.config.Schedule, r.config.ReadOnly
	}
	if err := errors.Join(r.diskStatus(ctx, &s), r.peerStatus(&s)); err != nil {
		return s, err
	}
	return s, r.tree.View(func(v tree.View) error {
		open, err := v.Conflicts()
		s.Conflicts = len(open)
		return err
	})
}

// diskStatus tells how far the disk and the journal are from one another.
func (r *replica) diskStatus(ctx context.Context, s *report.Status) (err error) {
	now := r.disk.Status()
	s.Scan = report.Scan{Running: s.Mounted && now.Scanning, Files: now.Scanned}
	if !now.First {
		s.Scan.Total = int64(now.Files)
	}
	s.Problems = append(s.Problems, r.damage.problems()...)
	// Only a change tells: a disk that went read-only for an error may not say so.
	if err := r.root.Chtimes(".", time.Now(), time.Time{}); errors.Is(err, syscall.EROFS) {
		s.Problems = append(s.Problems, report.Problem{What: told(err)})
	}
	undone, err := r.undone(ctx, r.askedInVain())
	if err != nil {
		return err
	}
	named := map[report.Problem]bool{}
	for _, p := range undone {
		named[p] = true
	}
	s.Problems = append(s.Problems, undone...)
	for _, refused := range now.Refused {
		if p := (report.Problem{Path: refused.Path, What: told(refused.Err)}); !named[p] {
			s.Problems = append(s.Problems, p)
		}
	}
	items, bytes, err := r.disk.Missing()
	if err != nil {
		return err
	}
	s.Wanted.Items, s.Wanted.Bytes, s.Absent = items, bytes, now.Absent
	writing, err := r.disk.Writing(ctx)
	s.Writing = append(s.Writing, writing...)
	return err
}

// askedInVain is the peers that did not have contents that are wanted here.
func (r *replica) askedInVain() (names []string) {
	for _, p := range r.replicator.Status().Peers {
		if p.Unobtainable > 0 {
			names = append(names, p.Name)
		}
	}
	return names
}

// peerStatus tells of the members: what is known of them and what they lack.
func (r *replica) peerStatus(s *report.Status) error {
	members, err := r.members.List()
	if err != nil {
		return err
	}
	now := r.replicator.Status()
	states := map[string]replicate.PeerStatus{}
	for _, p := range now.Peers {
		states[p.Name] = p
	}
	var all []version.Vector
	for _, m := range members {
		p := peerOf(m)
		state := states[m.Name]
		describe(&p, state)
		wire := r.meter.with(m.Name)
		p.Sent, p.Received = wire.sent, wire.received
		s.Problems = append(s.Problems, peerProblems(state)...)
		lack, err := r.lack(state.Knowledge)
		if err != nil {
			return err
		}
		p.Outgoing = &lack
		s.Peers = append(s.Peers, p)
		all = append(all, state.Knowledge)
	}
	if len(all) > 0 {
		if s.Outgoing, err = r.lack(common(all)); err != nil {
			return err
		}
	}
	s.Problems = append(s.Problems, r.refused.problems(time.Now(), func(peer string) time.Time { return states[peer].LastSession })...)
	s.Transfers, err = r.transfers(now.Transfers)
	return err
}

// transfers are the contents on their way here, by the paths that want them.
func (r *replica) transfers(active []session.Transfer) ([]report.Transfer, error) {
	all := []report.Transfer{}
	err := r.tree.View(func(v tree.View) error {
		for _, t := range active {
			path, err := wanting(v, t.Root)
			if err != nil {
				return err
			}
			all = append(all, report.Transfer{Peer: t.Peer, Path: path, Done: t.Done, Bytes: t.Size})
		}
		return nil
	})
	return all, err
}

// wanting is a path that shows, or is to show, a content that is wanted; empty if there is none any more.
func wanting(v tree.View, root item.Hash) (string, error) {
	ids, err := v.Tx.Wanted(root)
	if err != nil || len(ids) == 0 {
		return "", err
	}
	n, shown, err := v.NodeOf(ids[0])
	if err != nil || !shown {
		return "", err
	}
	return v.Path(n)
}

// describe adds what the replicator knows of a peer.
func describe(p *report.Peer, state replicate.PeerStatus) {
	p.State = "never"
	if !state.LastSession.IsZero() {
		p.State, p.LastSession = "ok", &state.LastSession
	}
	if !state.NextTry.IsZero() {
		p.NextSession = &state.NextTry
	}
	if state.LastError != "" {
		p.State, p.Error = "failed", state.LastError
	}
	if state.Running {
		p.State = "syncing"
	}
}

// muchSkew is how far off a peer's clock may be.
const muchSkew = time.Hour

// peerProblems are what a person should know of a peer that can be reached.
func peerProblems(state replicate.PeerStatus) []report.Problem {
	var all []report.Problem
	if state.Skew.Abs() > muchSkew {
		all = append(all, report.Problem{Peer: state.Name, What: fmt.Sprintf("its clock is off by %v", state.Skew.Round(time.Minute))})
	}
	if state.Unobtainable > 0 {
		all = append(all, report.Problem{Peer: state.Name, What: fmt.Sprintf("it has not got %d contents that are wanted here", state.Unobtainable)})
	}
	return all
}

// lack is what a peer with that knowledge has not seen.
func (r *replica) lack(have version.Vector) (report.Amount, error) {
	items, bytes, err := r.disk.Unseen(have)
	return report.Amount{Items: items, Bytes: bytes}, err
}

// common is what all of them have seen.
func common(all []version.Vector) version.Vector {
	least := all[0].Clone()
	for _, v := range all[1:] {
		for incarnation, seq := range least {
			least[incarnation] = min(seq, v[incarnation])
		}
	}
	return least
}
