package fusefs

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"syncfs/journal/change"
)

// still is how long a file must not be written to, to be read as a whole version.
const still = 2 * time.Second

// racyFor is how long after a change a timestamp cannot tell the next one.
const racyFor = 100 * time.Millisecond

// everything is the length that makes a range the whole file.
const everything = -1

// beginWrite notes that n bytes at off of a file are about to be written. endWrite follows.
func (v *volume) beginWrite(f *file, off, n int64) {
	f.mu.Lock()
	if f.dirty {
		f.wrote(off, n)
		f.inflight++
		f.mu.Unlock()
		return
	}
	f.mu.Unlock()
	v.names.RLock()
	defer v.names.RUnlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	v.soil(f, true)
	f.wrote(off, n)
	f.inflight++
}

func (v *volume) endWrite(f *file) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inflight--
	f.last = time.Now()
}

// soil makes a file dirty. A file without a name has nobody to tell, unless a step took it: then it comes back.
// names and f.mu are held.
func (v *volume) soil(f *file, tell bool) {
	if f.dirty {
		return
	}
	paths := v.table.paths(f.n)
	if len(paths) == 0 {
		if !v.bringBack(f) {
			return
		}
		paths = v.table.paths(f.n)
	}
	f.dirty = true
	f.whole, f.ranges = false, nil
	if tell {
		for _, p := range paths {
			v.record(change.Change{Kind: change.Dirty, Path: p})
		}
	}
	v.files.watch(f)
}

func (f *file) wrote(off, n int64) {
	f.last = time.Now()
	switch {
	case f.whole:
	case n == everything || len(f.ranges) > maxRanges:
		f.whole, f.ranges = true, nil
	default:
		f.ranges = f.ranges.add(off, n)
	}
}

// settle reports what was written. names and f.mu are held.
func (v *volume) settle(f *file) {
	if !f.dirty {
		return
	}
	f.dirty = false
	for _, p := range v.table.paths(f.n) {
		v.record(change.Change{Kind: change.Settled, Path: p, Ranges: f.ranges, Whole: f.whole})
	}
	f.whole, f.ranges = false, nil
	if f.passWriters == 0 {
		v.files.unwatch(f)
	}
}

// look finds out what passthrough writers did. names and f.mu are held.
func (v *volume) look(f *file) {
	if f.passWriters == 0 {
		return
	}
	var st unix.Stat_t
	if unix.Fstat(f.handles[0].fd, &st) != nil {
		return
	}
	if now := fingerprintOf(&st); now != f.seen {
		f.seen = now
		f.changed = true
		v.soil(f, true)
		f.wrote(0, everything)
	}
}

// lookTwice takes a file for written whose times cannot tell. names and f.mu are held.
func (v *volume) lookTwice(f *file) {
	if f.passWriters == 0 || !f.racy {
		return
	}
	v.soil(f, true)
	f.wrote(0, everything)
	f.racy = time.Since(time.Unix(f.seen.ctime.Unix())) < racyFor
}

// settler reports files that nobody has written to for a while, until the context ends. It sleeps
// without a timer while nothing is watched.
func (v *volume) settler(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-v.files.wake:
		}
		for wait := still; wait > 0; wait = v.settleStill() {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
		}
	}
}

// settleStill settles the files that are still, and returns when to look again; zero: when something is
// written.
func (v *volume) settleStill() time.Duration {
	var wait time.Duration
	for _, f := range v.files.all() {
		w := v.settleIfStill(f)
		if w > 0 && (wait == 0 || w < wait) {
			wait = w
		}
	}
	return wait
}

func (v *volume) settleIfStill(f *file) time.Duration {
	v.names.RLock()
	defer v.names.RUnlock()
	f.mu.Lock()
	defer v.unlockFile(f)
	if f.closed {
		return 0
	}
	v.look(f)
	if f.dirty {
		if left := still - time.Since(f.last); left > 0 || f.inflight > 0 {
			return max(left, 10*time.Millisecond)
		}
		if len(f.handles) > 0 {
			f.keepTime(f.handles[0].fd)
		}
		v.settle(f)
	}
	if f.passWriters > 0 {
		return still
	}
	v.files.unwatch(f)
	return 0
}

// settleEnded settles all, when no request will come any more.
func (v *volume) settleEnded() {
	for _, f := range v.files.all() {
		v.names.RLock()
		f.mu.Lock()
		v.look(f)
		v.settle(f)
		v.putAway(f)
		f.mu.Unlock()
		v.names.RUnlock()
	}
}

// lookAll takes notice of what passthrough writers have done by now, also those that have closed the file and of
// whom the kernel has not told that yet.
func (v *volume) lookAll() {
	for _, f := range v.files.all() {
		v.names.RLock()
		f.mu.Lock()
		if !f.closed {
			v.look(f)
			v.lookTwice(f)
		}
		f.mu.Unlock()
		v.names.RUnlock()
	}
}

// writers returns the paths of what was written and not settled.
func (v *volume) writers() []string {
	var all []string
	for _, f := range v.files.all() {
		f.mu.Lock()
		if f.dirty {
			all = append(all, v.table.paths(f.n)...)
		}
		f.mu.Unlock()
	}
	return all
}
