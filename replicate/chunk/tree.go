package chunk

// Root is the root hash of the content.
func (l List) Root() Hash {
	root, _ := l.build(func(Hash, Node) {})
	return root
}

// build yields each node of the tree, from below, and returns its root.
func (l List) build(yield func(Hash, Node)) (Hash, Node) {
	level := make([]Entry, len(l))
	for i, c := range l {
		level[i] = Entry{Hash: c.Hash, Size: int64(c.Size)}
	}
	var buf []byte
	height := 1
	for ; len(level) > maxEntries; height++ {
		var above []Entry
		for len(level) > 0 {
			n := Node{Height: height, Entries: level[:nodeEnd(level)]}
			level = level[len(n.Entries):]
			buf = n.append(buf[:0])
			e := Entry{Hash: nodes.sum(buf), Size: n.Size()}
			yield(e.Hash, n)
			above = append(above, e)
		}
		level = above
	}
	root := Node{Height: height, Entries: level}
	return roots.sum(root.append(buf[:0])), root
}

// nodeEnd says how many of the entries are the first node's.
func nodeEnd(entries []Entry) int {
	n := min(len(entries), minEntries)
	for n < min(len(entries), maxEntries) && entries[n-1].Hash[len(Hash{})-1] >= boundary {
		n++
	}
	return n
}

// A Tree is the tree of one or more contents, its nodes found by hash.
type Tree struct {
	roots map[Hash]Node
	nodes map[Hash]Node
}

// NewTree returns the tree that the contents have together.
func NewTree(lists ...List) *Tree {
	t := &Tree{roots: map[Hash]Node{}, nodes: map[Hash]Node{}}
	for _, l := range lists {
		hash, root := l.build(func(h Hash, n Node) { t.nodes[h] = n })
		t.roots[hash] = root
	}
	return t
}

// Root returns the root node of the content with that root hash.
func (t *Tree) Root(h Hash) (Node, bool) {
	n, ok := t.roots[h]
	return n, ok
}

// Node returns the node with that hash.
func (t *Tree) Node(h Hash) (Node, bool) {
	n, ok := t.nodes[h]
	return n, ok
}
