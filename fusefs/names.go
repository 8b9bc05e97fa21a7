package fusefs

import (
	"strings"

	"golang.org/x/sys/unix"
)

// A link is a name of a node in a directory.
type link struct {
	parent *node
	name   string
}

// supplant has the name of an absent file be one of n.
func (t *table) supplant(l link, n *node) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := t.absent[l]; a != nil {
		t.removeLink(a, l)
	}
	t.addLink(n, l)
}

// addLink gives n one more name, but for a directory, which has one. A name of which nobody knows the way any more is
// given up: a directory above it was moved where the kernel has not looked, and is known anew there.
func (t *table) addLink(n *node, l link) {
	for n.link.parent != nil && n.link != l && (n.kind == unix.S_IFDIR || !n.link.leads()) {
		t.removeLink(n, n.link)
	}
	if n.link == l {
		return
	}
	if n.link.parent == nil {
		n.link = l
	} else {
		r := n.uncommon()
		for _, m := range r.more {
			if m == l {
				return
			}
		}
		r.more = append(r.more, l)
	}
	l.parent.refs++
}

// removeLink takes a name from n and reports whether it had it.
func (t *table) removeLink(n *node, l link) bool {
	switch {
	case n.link == l:
		n.link = link{}
		if r := n.rare; r != nil && len(r.more) > 0 {
			n.link = r.more[len(r.more)-1]
			r.more = r.more[:len(r.more)-1]
		}
	case n.rare != nil:
		more := n.rare.more
		i := 0
		for i < len(more) && more[i] != l {
			i++
		}
		if i == len(more) {
			return false
		}
		n.rare.more = append(more[:i], more[i+1:]...)
	default:
		return false
	}
	if t.absent[l] == n {
		delete(t.absent, l)
	}
	t.release(l.parent)
	return true
}

// moved notes that the file k, known or not, went from one name to another.
func (t *table) moved(k key, from, to link) *node {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.byKey[k]
	if n == nil {
		return nil
	}
	if to.parent == nil {
		// Nobody but the helper knew it: who finds it next finds it anew.
		delete(t.byKey, k)
		t.removeLink(n, from)
		return n
	}
	if n.isAbsent() {
		if t.absent[from] == n {
			delete(t.absent, from)
		}
		t.absent[to] = n
	}
	if n.link != from {
		t.addLink(n, to)
		t.removeLink(n, from)
		return n
	}
	n.link = to
	to.parent.refs++
	t.release(from.parent)
	return n
}

// named returns the absent node at l.
func (t *table) named(l link) *node {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.absent[l]
}

// links returns the names of n that are known.
func (t *table) links(n *node) []link {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n.link.parent == nil {
		return nil
	}
	all := []link{n.link}
	if n.rare != nil {
		all = append(all, n.rare.more...)
	}
	return all
}

// first returns one name of n, the zero link if it has none.
func (t *table) first(n *node) link {
	t.mu.Lock()
	defer t.mu.Unlock()
	return n.link
}

// misses drops a name at which n was not found.
func (t *table) misses(n *node, l link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.removeLink(n, l)
}

// path returns the path of l, unless a directory above it is gone or hidden.
func (t *table) path(l link) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	names, ok := l.names()
	return strings.Join(names, "/"), ok
}

// dirNames returns the names that lead to a directory.
func (t *table) dirNames(n *node) ([]string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n.id == 1 {
		return nil, true
	}
	return n.link.names()
}

// leads tells whether there is a way from the folder to l.
func (l link) leads() bool {
	p := l.parent
	for p != nil && p.id != 1 && !p.hidden {
		p = p.link.parent
	}
	return p != nil && !p.hidden
}

func (l link) names() ([]string, bool) {
	depth := 1
	for p := l.parent; p == nil || p.id != 1; p = p.link.parent {
		if p == nil || p.hidden {
			return nil, false
		}
		depth++
	}
	names := make([]string, depth)
	for ; depth > 0; l = l.parent.link {
		depth--
		names[depth] = l.name
	}
	return names, true
}

// paths returns the path of each known name of n.
func (t *table) paths(n *node) []string {
	var all []string
	for _, l := range t.links(n) {
		if p, ok := t.path(l); ok {
			all = append(all, p)
		}
	}
	return all
}
