package tree

import (
	"fmt"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/version"
)

// A HostileError says why a session is refused: what it holds, no replica can have made.
type HostileError struct {
	Item item.ID // the root where it is none
	Why  string
}

func (e *HostileError) Error() string {
	if e.Item == item.Root {
		return "session refused: " + e.Why
	}
	return fmt.Sprintf("session refused: item %v: %s", e.Item, e.Why)
}

// The bounds of a timestamp. Beyond the year 2116 a clock is broken; and a repair is not repaired a
// billion times.
const (
	maxTime = 1 << 62
	maxRank = 1 << 30
)

// maxWeight leaves room in a transaction for both states of an item, and their indexes.
const maxWeight = 1 << 20

// A check looks at the states of a session before any of them is joined. Each must be one that a replica
// can have made, whatever the sender is; and each item must have its directory, here or with it.
type check struct {
	tx          *journal.Tx
	incarnation version.Incarnation
	own         uint64 // what was drawn of it
	knowledge   version.Vector
	sent        sent
}

// sent is which items are sent, and whether each is a directory.
type sent map[item.ID]bool

// add notes items that are sent, each once.
func (s sent) add(states []*item.Item) error {
	for _, it := range states {
		if _, twice := s[it.ID]; twice {
			return &HostileError{it.ID, "sent twice"}
		}
		s[it.ID] = it.Dir
	}
	return nil
}

func newCheck(tx *journal.Tx, incarnation version.Incarnation, knowledge version.Vector, all sent) (*check, error) {
	k, err := tx.Knowledge()
	if err != nil {
		return nil, err
	}
	c := &check{tx: tx, incarnation: incarnation, own: k[incarnation], knowledge: knowledge, sent: all}
	switch {
	case knowledge[version.Provisional] > 0:
		return nil, &HostileError{Why: "knowledge of provisional changes"}
	case knowledge[incarnation] > c.own:
		return nil, &HostileError{Why: "knowledge of changes that this replica has not made"}
	}
	return c, nil
}

func (c *check) state(it *item.Item) error {
	if err := it.Check(); err != nil {
		return &HostileError{it.ID, err.Error()}
	}
	switch {
	case len(it.Context) == 0:
		return &HostileError{it.ID, "of no change"}
	case it.Context[version.Provisional] > 0:
		return &HostileError{it.ID, "provisional"}
	case it.Context[c.incarnation] > c.own:
		return &HostileError{it.ID, "changed by this replica, which has not made the change"}
	case !c.knowledge.Covers(it.Context):
		return &HostileError{it.ID, "of changes that the sender does not know"}
	}
	if err := checkTimes(it); err != nil {
		return err
	}
	return c.kinds(it)
}

// kinds: an item is a file or a directory for good, and only directories have items in them.
func (c *check) kinds(it *item.Item) error {
	known, err := c.tx.Known(it.ID)
	if err != nil {
		return err
	}
	if known != nil && known.Dir != it.Dir {
		return &HostileError{it.ID, "a file that was a directory, or a directory that was a file"}
	}
	if err := checkJoined(known, it); err != nil {
		return err
	}
	if known == nil && !it.Dir {
		if has, err := c.tx.HasChild(it.ID); err != nil {
			return err
		} else if has {
			return &HostileError{it.ID, "a file with items in it"}
		}
	}
	dir, err := c.isDir(it.Place.Parent)
	if err != nil {
		return err
	}
	if !dir {
		return &HostileError{it.ID, fmt.Sprintf("placed in %v, which is no directory known or sent", it.Place.Parent)}
	}
	return nil
}

// checkJoined: what an item becomes must be fit to be kept, and in one transaction.
func checkJoined(known, it *item.Item) error {
	if known != nil {
		it = item.Join(known, it)
		if err := it.Check(); err != nil {
			return &HostileError{it.ID, err.Error()}
		}
	}
	if size := weight(it); size > maxWeight {
		return &HostileError{it.ID, fmt.Sprintf("too large: about %d bytes, %d is the most", size, maxWeight)}
	}
	return nil
}

// weight is about how many bytes an item takes.
func weight(it *item.Item) int {
	const entry = 100
	n := entry * (1 + len(it.Context) + len(it.Entries) + len(it.Meta))
	for _, x := range it.Entries {
		for _, c := range []*item.Content{x.Content, x.Keeps} {
			if c != nil {
				n += len(c.Target)
			}
		}
	}
	for k, r := range it.Meta {
		n += len(k) + len(r.Value)
	}
	return n
}

func (c *check) isDir(id item.ID) (bool, error) {
	if id == item.Root {
		return true, nil
	}
	if dir, ok := c.sent[id]; ok {
		return dir, nil
	}
	known, err := c.tx.Known(id)
	return known != nil && known.Dir, err
}

func checkTimes(it *item.Item) error {
	for _, ts := range timestamps(it) {
		if ts.Time >= maxTime || ts.Rank >= maxRank {
			return &HostileError{it.ID, fmt.Sprintf("time %d, rank %d: beyond any clock", ts.Time, ts.Rank)}
		}
	}
	return nil
}

func timestamps(it *item.Item) []version.Timestamp {
	l := []version.Timestamp{it.Place.Timestamp}
	for _, x := range it.Entries {
		for _, c := range []*item.Content{x.Content, x.Keeps} {
			if c != nil {
				l = append(l, c.Timestamp)
			}
		}
	}
	for _, r := range it.Meta {
		l = append(l, r.Timestamp)
	}
	return l
}
