package fusefs

import "golang.org/x/sys/unix"

// unlink notes that the name l of the file k is gone, of which there were nlink. orphan is the descriptor
// by which the file is reached if it has no other name; unlink sees to its end.
func (t *table) unlink(k key, l link, nlink uint64, orphan int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.byKey[k]
	if n == nil {
		closeOrphan(orphan)
		return
	}
	if nlink <= 1 || n.kind == unix.S_IFDIR {
		// Its number can be given to another file as soon as the last handle is closed.
		delete(t.byKey, k)
	}
	if n.link == l && (n.rare == nil || len(n.rare.more) == 0) && orphan != 0 {
		r := n.uncommon()
		closeOrphan(r.orphan)
		r.orphan, orphan = orphan, 0
	}
	t.removeLink(n, l)
	closeOrphan(orphan)
}

// sendAway notes where a step has put the file of n.
func (t *table) sendAway(n *node, a *away) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a.link.parent != nil {
		a.link.parent.refs++
	}
	t.endAway(n)
	n.uncommon().away = a
}

func (t *table) away(n *node) *away {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n.rare == nil {
		return nil
	}
	return n.rare.away
}

// cameBack notes that the file of n is back at l or, with a zero l, never will be.
func (t *table) cameBack(n *node, l link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.parent != nil {
		t.byKey[n.key] = n
		t.addLink(n, l)
	}
	t.endAway(n)
}

func (t *table) endAway(n *node) {
	if n.rare == nil || n.rare.away == nil {
		return
	}
	parent := n.rare.away.link.parent
	n.rare.away = nil
	if parent != nil {
		t.release(parent)
	}
}

func closeOrphan(fd int) {
	if fd != 0 {
		unix.Close(fd)
	}
}

// orphan returns the descriptor of a node without a name, 0 if there is none. It is open until the kernel
// forgets the node, so at least for as long as a request about it lasts.
func (t *table) orphan(n *node) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n.rare == nil || n.link.parent != nil {
		return 0
	}
	return n.rare.orphan
}
