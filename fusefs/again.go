package fusefs

import (
	"sync"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// again are the calls that need a file whose content is not here, and that the kernel makes with the file's lock or
// that of a directory held, for which every step there would wait too. They are answered ESTALE. The kernel then looks
// each name of the path up again, without a lock: that lookup waits for the content, and the call comes again.
type again struct {
	mu sync.Mutex // guards by; nothing is locked after it
	by map[caller]retry
}

// A caller is known by the file's path: another version of the file, which may become known meanwhile, is another file.
type caller struct {
	thread uint32
	path   string
}

type retry struct {
	at  time.Time
	err error // what the lookup came to; nil: it has yet to come
}

// forgotten is when a call is not awaited any more, which comes again at once: the thread was killed, or has found the
// file by no name.
const forgotten = 5 * time.Second

// put notes how far a call is.
func (a *again) put(c caller, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.by == nil {
		a.by = map[caller]retry{}
	}
	now := time.Now()
	for c, r := range a.by {
		if now.Sub(r.at) > forgotten {
			delete(a.by, c)
		}
	}
	a.by[c] = retry{now, err}
}

// take says how far a call is, and forgets it.
func (a *again) take(c caller) (r retry, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r, ok = a.by[c]; ok {
		delete(a.by, c)
		ok = time.Since(r.at) <= forgotten
	}
	return r, ok
}

func (a *again) any() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.by) > 0
}

// later is the answer to a call that needs the content of an absent file.
func (v *volume) later(h *fuse.InHeader, n *node) error {
	path, ok := v.pathOf(n)
	if !ok {
		return unix.ESTALE
	}
	c := caller{h.Pid, path}
	if r, ok := v.again.take(c); ok && r.err != nil {
		return r.err
	}
	v.again.put(c, nil)
	return unix.ESTALE
}

// bringFor waits in a lookup for the content that a call of the same thread needs. That it could not be had is told to
// that call: an error now would have the kernel forget the name, and look it up with its directory locked.
func (v *volume) bringFor(cancel <-chan struct{}, h *fuse.InHeader, name string) error {
	if !v.again.any() {
		return nil
	}
	parent := v.table.get(h.NodeId)
	if parent == nil {
		return nil
	}
	l := link{parent, name}
	path, ok := v.table.path(l)
	if !ok {
		return nil
	}
	c := caller{h.Pid, path}
	switch r, ok := v.again.take(c); {
	case !ok:
		return nil
	case r.err != nil: // for the call
		v.again.put(c, r.err)
		return nil
	}
	var err error
	if n := v.table.named(l); n != nil {
		err = v.bring(cancel, n)
	} else {
		err = v.fetch(cancel, path)
	}
	switch err {
	case nil, unix.ESTALE:
		return nil
	case unix.EINTR:
		return err
	}
	v.again.put(c, err)
	return nil
}
