package session

import (
	"slices"
	"sync"

	"syncfs/journal/item"
)

// Transfers are the contents that are on their way here, from whichever peer: each from one at a time. The
// zero Transfers is ready.
type Transfers struct {
	mu     sync.Mutex // guards active and what is in it; nothing is locked after it
	active map[item.Hash]*transfer
}

// A Transfer is a content on its way.
type Transfer struct {
	Root item.Hash
	Size int64
	Done int64 // bytes that are here
	Peer string
}

type transfer struct {
	Transfer
	all  *Transfers
	over chan struct{}
	here bool // when it is over
}

// List returns the transfers under way, the largest first.
func (t *Transfers) List() []Transfer {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []Transfer
	for _, a := range t.active {
		list = append(list, a.Transfer)
	}
	slices.SortFunc(list, func(a, b Transfer) int {
		if a.Size != b.Size {
			return int(min(1, max(-1, b.Size-a.Size)))
		}
		return a.Root.Compare(b.Root)
	})
	return list
}

// claim begins the transfer of w, or returns the one that is under way.
func (t *Transfers) claim(w Want, peer string) (tr *transfer, mine bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tr := t.active[w.Root]; tr != nil {
		return tr, false
	}
	if t.active == nil {
		t.active = map[item.Hash]*transfer{}
	}
	tr = &transfer{Transfer: Transfer{Root: w.Root, Size: w.Size, Peer: peer}, all: t, over: make(chan struct{})}
	t.active[w.Root] = tr
	return tr, true
}

func (tr *transfer) add(n int64) {
	tr.all.mu.Lock()
	defer tr.all.mu.Unlock()
	tr.Done += n
}

// end ends a transfer that was claimed. here: the content was committed.
func (tr *transfer) end(here bool) {
	tr.all.mu.Lock()
	defer tr.all.mu.Unlock()
	tr.here = here
	delete(tr.all.active, tr.Root)
	close(tr.over)
}
