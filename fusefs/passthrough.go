package fusefs

import (
	"sync/atomic"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// trackFrom is the size from which an existing file that is opened for writing is not passed through:
// to know what was written is then worth more than speed. A smaller one is read again as a whole.
const trackFrom = 512 << 20

// passthrough lets the kernel read and write the file underneath without asking. The daemon then sees no
// write; it learns of them from the file's times.
//
// An inode is open through the page cache or passed through, never both: the kernel refuses the mixture
// with EIO. So while a file is open, every further open follows the first.
type passthrough struct{ off atomic.Bool }

// attrFor is how long the kernel may keep attributes of n: not while a file is open so that it can be mapped
// and stored to without the daemon. That changes times without a word to the kernel either.
func (v *volume) attrFor(n *node) time.Duration {
	f := v.lockFile(n, false)
	if f == nil {
		return cacheFor
	}
	defer f.mu.Unlock()
	if f.passMappers > 0 {
		return 0
	}
	return cacheFor
}

// admit decides how the kernel uses a handle and fills in the answer to its open. f.mu is held.
func (v *volume) admit(f *file, h *handle, want bool, out *fuse.OpenOut) {
	if f.passed > 0 || f.cached == 0 && want && !v.pass.off.Load() {
		h.pass = v.passOn(f, h, out)
	}
	if h.pass {
		f.passed++
		if h.read && h.write {
			f.passMappers++
		}
		if h.write {
			f.passWriters++
			f.n.stale = true
			v.files.watch(f)
		}
		return
	}
	f.cached++
	if !f.n.stale {
		out.OpenFlags |= fuse.FOPEN_KEEP_CACHE
	}
	f.n.stale = false
	if !v.writeback {
		out.OpenFlags |= fuse.FOPEN_NOFLUSH
	}
}

func (v *volume) passOn(f *file, h *handle, out *fuse.OpenOut) bool {
	if f.backing == 0 {
		id, errno := v.device.RegisterBacking(h.fd)
		if errno != 0 {
			if errno != unix.EMFILE && errno != unix.ENOMEM && errno != unix.ENFILE {
				v.pass.off.Store(true)
				v.log.Info("no passthrough", "err", errno)
			}
			return false
		}
		f.backing = id
	}
	out.OpenFlags |= fuse.FOPEN_PASSTHROUGH
	out.BackingID = f.backing
	return true
}

// dismiss undoes admit when a handle is closed. f.mu is held.
func (v *volume) dismiss(f *file, h *handle) {
	if !h.pass {
		f.cached--
		return
	}
	f.passed--
	if h.read && h.write {
		f.passMappers--
	}
	if h.write {
		f.passWriters--
	}
	if f.passed == 0 {
		if errno := v.device.UnregisterBacking(f.backing); errno != 0 {
			v.log.Debug("backing file", "err", errno)
		}
		f.backing = 0
	}
}
