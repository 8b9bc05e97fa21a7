package fusefs

import (
	"container/list"
	"sync"

	"golang.org/x/sys/unix"
)

// maxDirs bounds the descriptors of directories kept open, where there are many descriptors.
const maxDirs = 512

// A dir is an O_PATH descriptor of a directory. It stands for the directory wherever that is renamed to.
type dir struct {
	fd    int
	n     *node
	users int
	gone  bool          // no more in the cache: closed by the last user
	place *list.Element // in dirs.order
	acl   acl
}

// acl says whether a directory has a default ACL.
type acl uint8

const (
	aclUnknown acl = iota
	aclNone
	aclDefault
)

// dirs keeps the directories used last open. mu guards all fields of it and of each dir but fd and n;
// nothing is locked while it is held.
type dirs struct {
	mu    sync.Mutex
	open  map[*node]*dir
	order *list.List // of *dir, used last first
	most  int        // that are kept
}

func newDirs() *dirs { return &dirs{open: map[*node]*dir{}, order: list.New(), most: maxDirs} }

// get returns the open directory of n, or nil. The caller calls done.
func (c *dirs) get(n *node) *dir {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.open[n]
	if d != nil {
		d.users++
		c.order.MoveToFront(d.place)
	}
	return d
}

// put adds a directory just opened and returns it, or the one that another was faster to add.
func (c *dirs) put(n *node, fd int) *dir {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.open[n]; d != nil {
		unix.Close(fd)
		d.users++
		return d
	}
	d := &dir{fd: fd, n: n, users: 1}
	d.place = c.order.PushFront(d)
	c.open[n] = d
	for c.order.Len() > c.most {
		c.evict(c.order.Back().Value.(*dir))
	}
	return d
}

func (c *dirs) done(d *dir) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.users--
	if d.gone && d.users == 0 {
		unix.Close(d.fd)
	}
}

func (c *dirs) evict(d *dir) {
	c.order.Remove(d.place)
	delete(c.open, d.n)
	d.gone = true
	if d.users == 0 {
		unix.Close(d.fd)
	}
}

// drop closes the directory of a node that is forgotten.
func (c *dirs) drop(n *node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.open[n]; d != nil {
		c.evict(d)
	}
}

func (c *dirs) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.open {
		c.evict(d)
	}
}

// setACL and getACL keep what is known of a directory's default ACL.
func (c *dirs) setACL(n *node, a acl) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.open[n]; d != nil {
		d.acl = a
	}
}

func (c *dirs) getACL(d *dir) acl {
	c.mu.Lock()
	defer c.mu.Unlock()
	return d.acl
}
