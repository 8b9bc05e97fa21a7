package chunk

import "fmt"

// An Assembly learns the list of a content from the nodes of its tree. A node that is known already, from
// another content, is not asked for, nor is anything below it: what has to be told is as much as the
// contents differ.
type Assembly struct {
	root  Hash
	size  int64
	known *Tree
	parts []part // the content from its begin to its end
}

// A part is a chunk (height 0), a node, or the root.
type part struct {
	Entry
	height int
	root   bool
}

// A Ref names a node that an Assembly has to be given.
type Ref struct {
	Hash Hash
	Root bool
}

// NewAssembly begins to learn the content that has that root hash and size.
func NewAssembly(root Hash, size int64, known *Tree) *Assembly {
	return &Assembly{root: root, size: size, known: known, parts: []part{{Entry: Entry{root, size}, root: true}}}
}

// Missing returns the nodes to be given next, in order; none when the list is complete.
func (a *Assembly) Missing() []Ref {
	var refs []Ref
	for _, p := range a.parts {
		if p.open() {
			refs = append(refs, Ref{p.Hash, p.root})
		}
	}
	return refs
}

func (p part) open() bool { return p.root || p.height > 0 }

// Give takes the encodings of all the nodes that Missing returned, in that order.
func (a *Assembly) Give(nodes [][]byte) error {
	var parts []part
	for _, p := range a.parts {
		if !p.open() {
			parts = append(parts, p)
			continue
		}
		n, err := a.read(p, nodes[0])
		if err != nil {
			return err
		}
		nodes = nodes[1:]
		parts = a.expand(parts, n)
	}
	a.parts = parts
	return nil
}

func (a *Assembly) read(p part, b []byte) (Node, error) {
	if !p.root {
		return ParseNode(p.Hash, p.Size, p.height, b)
	}
	n, err := ParseRoot(p.Hash, b)
	if err == nil && n.Size() != a.size {
		err = fmt.Errorf("%w: content %s has %d bytes, not %d", ErrInvalid, short(a.root), n.Size(), a.size)
	}
	return n, err
}

// expand appends what is below n, as deep as it is known.
func (a *Assembly) expand(parts []part, n Node) []part {
	for _, e := range n.Entries {
		p := part{Entry: e, height: n.Height - 1}
		if below, ok := a.known.Node(e.Hash); ok && p.height > 0 {
			parts = a.expand(parts, below)
		} else {
			parts = append(parts, p)
		}
	}
	return parts
}

// List returns the list, which is complete and has the root hash wanted.
func (a *Assembly) List() (List, error) {
	var l List
	for _, p := range a.parts {
		if p.open() {
			return nil, fmt.Errorf("%w: node %s is missing", ErrInvalid, short(p.Hash))
		}
		l = append(l, Chunk{Hash: p.Hash, Size: int(p.Size)})
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	if l.Root() != a.root {
		return nil, fmt.Errorf("%w: the tree of content %s is not built as it ought to be", ErrInvalid, short(a.root))
	}
	return l, nil
}
