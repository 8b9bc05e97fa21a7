package fusefs

// A key tells the files underneath apart. Those of absent files have the device absentDev and a number
// of our own.
type key struct{ dev, ino uint64 }

const absentDev = ^uint64(0)

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

func (n *node) isAbsent() bool { return n.key.dev == absentDev }

func (n *node) uncommon() *rare {
	if n.rare == nil {
		n.rare = &rare{}
	}
	return n.rare
}
