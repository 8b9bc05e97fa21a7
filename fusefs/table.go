package fusefs

import (
	"runtime/debug"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// A key tells the files underneath apart. Those of absent files have the device absentDev and a number
// of our own.
type key struct{ dev, ino uint64 }

const absentDev = ^uint64(0)

// A link is a name of a node in a directory.
type link struct {
	parent *node
	name   string
}

// A node is what the kernel calls an inode. There is one for each file that the kernel knows, and for
// each directory above it; a million of them must stay small.
type node struct {
	id      uint64
	key     key
	ino     uint64 // as stat(2) tells it
	lookups uint64 // references that the kernel holds
	refs    int32  // links that have this node as parent, and open handles
	kind    uint16 // the type bits of st_mode
	hidden  bool   // the staging directory
	seen    bool   // by a program; the helper alone caches nothing
	stale   bool   // the kernel may hold pages from before a passthrough handle wrote
	link    link   // zero: no name, or none known
	rare    *rare
}

// rare is what few nodes have.
type rare struct {
	more   []link // further names
	file   *file  // open or written
	orphan int    // O_PATH descriptor of what lost its last name while the kernel knows it; 0: none
	away   *away  // where a step has put it
}

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

// placed notes that the file k came from staging to l, or, with a zero l, that it did not.
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

// supplant has the name of an absent file be one of n.
func (t *table) supplant(l link, n *node) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := t.absent[l]; a != nil {
		t.removeLink(a, l)
	}
	t.addLink(n, l)
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

func (n *node) isAbsent() bool { return n.key.dev == absentDev }

func (t *table) addLink(n *node, l link) {
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

func (n *node) uncommon() *rare {
	if n.rare == nil {
		n.rare = &rare{}
	}
	return n.rare
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
