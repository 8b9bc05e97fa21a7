package fusefs

import (
	"runtime/debug"
	"sync"

	"golang.org/x/sys/unix"
)

// A table holds the nodes. mu guards its maps and the fields of nodes, but node.stale (openMu) and what
// is in a file (its own mu). dirs.mu may be locked while it is held.
type table struct {
	root   *node
	mu     sync.Mutex
	nodes  map[uint64]*node
	byKey  map[key]*node
	absent map[link]*node
	staged map[string]*node // what the helper has looked up in staging: no file of the folder yet
	next   uint64
	number uint64 // of the last absent node
	peak   int    // of len(nodes) since the maps were made
	gone   func(*node)
}

func newTable(root key, gone func(*node)) *table {
	r := &node{id: 1, key: root, ino: root.ino, lookups: 1, kind: unix.S_IFDIR, seen: true}
	return &table{
		root:   r,
		nodes:  map[uint64]*node{1: r},
		byKey:  map[key]*node{root: r},
		absent: map[link]*node{},
		staged: map[string]*node{},
		next:   2,
		gone:   gone,
	}
}

func (t *table) get(id uint64) *node {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.nodes[id]
}

// known returns the node of a file, if the kernel knows it.
func (t *table) known(k key) *node {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byKey[k]
}

// watched returns the node of a directory, and whether a program may know it: what is in it must then be
// changed through the mount.
func (t *table) watched(k key) (n *node, seen bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n = t.byKey[k]
	return n, n != nil && n.seen
}

// enter returns the node of a file found at l, for an answer that gives the kernel one more reference: to a
// program, or to the helper.
func (t *table) enter(k key, ino uint64, kind uint16, l link, own bool) *node {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.enterNode(k, ino, kind, l)
	n.seen = n.seen || !own
	return n
}

func (t *table) enterNode(k key, ino uint64, kind uint16, l link) *node {
	n := t.byKey[k]
	if n != nil && n.kind != kind {
		// The number was given to another file behind our back.
		delete(t.byKey, k)
		n = nil
	}
	if n == nil {
		return t.add(k, ino, kind, l)
	}
	n.lookups++
	if l.parent != nil {
		t.addLink(n, l)
	}
	return n
}

func (t *table) add(k key, ino uint64, kind uint16, l link) *node {
	n := t.addNode(k, ino, kind)
	t.byKey[k] = n
	if l.parent != nil {
		t.addLink(n, l)
	}
	return n
}

func (t *table) addNode(k key, ino uint64, kind uint16) *node {
	n := &node{id: t.next, key: k, ino: ino, kind: kind, lookups: 1}
	t.next++
	t.nodes[n.id] = n
	t.peak = max(t.peak, len(t.nodes))
	return n
}

// enterStaged is enter for a file in staging. It is a node of its own until it is placed: if it never is,
// the file can be written anew or its number be given to another.
func (t *table) enterStaged(k key, ino uint64, kind uint16, name string) *node {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := t.staged[name]; n != nil && n.key == k && t.nodes[n.id] == n {
		n.lookups++
		return n
	}
	n := t.addNode(k, ino, kind)
	t.staged[name] = n
	return n
}

// placed notes that the file k came from staging to l.
func (t *table) placed(name string, k key, l link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.staged[name]
	delete(t.staged, name)
	if n == nil {
		n = t.byKey[k] // a further name of a file
	}
	if n == nil || n.key != k || l.parent == nil {
		return
	}
	t.byKey[k] = n
	t.addLink(n, l)
}

// unplaced notes that what is in staging was not placed. The helper may have looked it up: if it is to be placed again it
// may have other times by then, and a kernel that keeps them would go by those of before.
func (t *table) unplaced(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.staged, name)
}

// enterAgain is enterStaged for a further name of a file that is known; nil if it is not.
func (t *table) enterAgain(k key, kind uint16) *node {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.byKey[k]
	if n == nil || n.kind != kind {
		return nil
	}
	n.lookups++
	return n
}

// enterAbsent is enter for an absent file.
func (t *table) enterAbsent(kind uint16, l link) *node {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := t.absent[l]; n != nil {
		n.lookups++
		return n
	}
	t.number++
	n := t.add(key{absentDev, t.number}, 1<<63|t.number, kind, l)
	t.absent[l] = n
	return n
}

// reach is enter for a directory that nobody has asked for, but for the path of what is in it.
func (t *table) reach(k key, ino uint64, kind uint16, l link) *node {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.enterNode(k, ino, kind, l)
	n.lookups--
	return n
}

// enterHidden is enter for the staging directory.
func (t *table) enterHidden(k key, ino uint64) *node {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.byKey[k]
	if n == nil {
		n = t.add(k, ino, unix.S_IFDIR, link{})
		n.hidden = true
		return n
	}
	n.lookups++
	return n
}

// bind gives an absent node the file that has come for it. st_ino stays what programs saw.
func (t *table) bind(l link, k key) *node {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.absent[l]
	if n == nil {
		return nil
	}
	delete(t.absent, l)
	delete(t.byKey, n.key)
	n.key = k
	t.byKey[k] = n
	return n
}

func (t *table) forget(id, n uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	node := t.nodes[id]
	if node == nil || id == 1 {
		return
	}
	node.lookups -= min(n, node.lookups)
	t.drop(node)
}

// release takes one of refs away.
func (t *table) release(n *node) {
	n.refs--
	t.drop(n)
}

// drop removes a node that nothing refers to.
func (t *table) drop(n *node) {
	if n.lookups > 0 || n.refs > 0 || n.id == 1 || t.nodes[n.id] != n {
		return
	}
	delete(t.nodes, n.id)
	if t.byKey[n.key] == n {
		delete(t.byKey, n.key)
	}
	t.gone(n)
	if n.rare != nil {
		closeOrphan(n.rare.orphan)
	}
	t.endAway(n)
	for n.link.parent != nil {
		t.removeLink(n, n.link)
	}
	t.shrink()
}

// shrink gives memory back once most of many nodes are gone: a map never does so by itself.
func (t *table) shrink() {
	const many = 1 << 16
	if t.peak < many || len(t.nodes) > t.peak/8 {
		return
	}
	nodes := make(map[uint64]*node, len(t.nodes))
	for id, n := range t.nodes {
		nodes[id] = n
	}
	byKey := make(map[key]*node, len(t.byKey))
	for k, n := range t.byKey {
		byKey[k] = n
	}
	t.nodes, t.byKey, t.peak = nodes, byKey, len(nodes)
	go debug.FreeOSMemory()
}
