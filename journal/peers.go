package journal

import (
	"encoding/binary"
	"math"
	"strings"
	"time"

	"syncfs/journal/canon"
	"syncfs/journal/version"
)

// A PeerState is what is known of a peer since the last session with it.
type PeerState struct {
	Knowledge   version.Vector // what it had then
	LastSession time.Time      // the end of the last one that went well
	LastError   string         // of the last one, "" where it went well
	Wanted      int            // contents that it still wanted
}

// maxError is how much of an error is kept.
const maxError = 4 << 10

// PeerState is that of a peer, zero where nothing is known.
func (tx *Tx) PeerState(name string) (PeerState, error) {
	key := peerKey(name)
	b, err := tx.get(key)
	if b == nil || err != nil {
		return PeerState{}, err
	}
	return decodePeer(key, b)
}

// SetPeerState says what PeerState is.
func (tx *Tx) SetPeerState(name string, p PeerState) error {
	b := p.Knowledge.Append(nil)
	var at int64
	if !p.LastSession.IsZero() {
		at = p.LastSession.UnixNano()
	}
	b = binary.AppendVarint(b, at)
	b = canon.AppendString(b, strings.ToValidUTF8(p.LastError[:min(len(p.LastError), maxError)], ""))
	return tx.set(peerKey(name), binary.AppendUvarint(b, uint64(p.Wanted)))
}

// DeletePeer forgets a peer.
func (tx *Tx) DeletePeer(name string) error { return tx.delete(peerKey(name)) }

// EachPeer calls fn with every peer of which something is known, by name.
func (tx *Tx) EachPeer(fn func(name string, p PeerState) error) error {
	return tx.pairs([]byte{kindPeer}, func(key, value []byte) error {
		p, err := decodePeer(key, value)
		if err != nil {
			return err
		}
		return fn(string(key[1:]), p)
	})
}

func decodePeer(key, value []byte) (p PeerState, err error) {
	err = decode(key, value, func(r *canon.Reader) {
		p.Knowledge = version.ReadVector(r, version.MaxKnowledge)
		if at := r.Varint(); at != 0 {
			p.LastSession = time.Unix(0, at)
		}
		p.LastError = r.String(maxError)
		p.Wanted = int(r.Uvarint(math.MaxInt32))
	})
	return p, err
}
