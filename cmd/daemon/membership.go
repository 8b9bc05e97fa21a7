package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"syncfs/cmd/control"
	"syncfs/cmd/report"
	"syncfs/sshpeer"
)

// membership are the requests that need no journal: who this replica is and whom it knows.
func (s *state) membership() map[string]control.Handler {
	return map[string]control.Handler{
		OpKey:     handle(s.key),
		OpPeerAdd: handle(s.peerAdd),
		OpPeerRm:  handle(s.peerRm),
		OpPeerLs:  handle(s.peerLs),
	}
}

// none is the type of arguments that are not there.
type none struct{}

// handle makes a handler of a function with typed arguments that tells of no progress.
func handle[A, R any](fn func(context.Context, A) (R, error)) control.Handler {
	return func(ctx context.Context, raw json.RawMessage, _ func(string)) (any, error) {
		var args A
		if err := json.Unmarshal(raw, &args); err != nil {
			return nil, fmt.Errorf("arguments: %w", err)
		}
		return fn(ctx, args)
	}
}

func (s *state) key(context.Context, none) (report.Key, error) {
	return report.Key{
		Name:        s.config.Name,
		Key:         s.identity.AuthorizedKey(),
		Fingerprint: s.identity.Key().Fingerprint(),
	}, nil
}

func (s *state) peerAdd(_ context.Context, add PeerAdd) (none, error) {
	m, err := s.members.Get(add.Name)
	if err != nil && !errors.Is(err, sshpeer.ErrNotMember) {
		return none{}, err
	}
	m.Name = add.Name
	if add.Key != "" {
		key, err := sshpeer.ParseKey(add.Key)
		if err != nil {
			return none{}, err
		}
		if key == s.identity.Key() {
			return none{}, fmt.Errorf("peer add %s: this is the key of the replica itself; `syncfs key` on the other machine prints the one that is meant", add.Name)
		}
		m.Keys = []sshpeer.Key{key}
	}
	if add.Address != "" {
		if m.Address, err = sshpeer.ParseAddress(add.Address); err != nil {
			return none{}, err
		}
		if !m.Address.SSH {
			m.Command = "" // it went with the address before
		}
	}
	if add.Command != "" {
		m.Command = add.Command
	}
	return none{}, s.members.Put(m)
}

func (s *state) peerRm(_ context.Context, name string) (none, error) {
	return none{}, s.members.Remove(name)
}

func (s *state) peerLs(context.Context, none) ([]report.Peer, error) {
	members, err := s.members.List()
	if err != nil {
		return nil, err
	}
	peers := make([]report.Peer, len(members))
	for i, m := range members {
		peers[i] = peerOf(m)
	}
	return peers, nil
}

// peerOf is what membership alone says of a peer.
func peerOf(m sshpeer.Member) report.Peer {
	p := report.Peer{Name: m.Name, Command: m.Command}
	if !m.Address.IsZero() {
		p.Address = m.Address.String()
	}
	if len(m.Keys) > 0 {
		p.Key = m.Keys[0].Fingerprint()
	}
	return p
}
