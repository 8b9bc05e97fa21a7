package disk

import (
	"context"
	"maps"
	"slices"
	"time"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/version"
)

// A Status says how the folder is doing.
type Status struct {
	Files   int // known, with those that are absent
	Absent  int // whose content is not here
	Queued  int // changes not in the journal yet
	Pending int // files whose content is still to be taken
	Writing int // of these, those that a program writes

	WrittenSince time.Time // the first of these; zero: none

	Steps    int   // names that the disk does not have as they ought to be, for now
	Scanning bool  // what is on disk is still being compared with the journal
	First    bool  // the scan makes the folder a replica
	Scanned  int64 // entries compared so far
	Unread   int   // files and directories that can't be read
	Held     string
	Refused  []Refusal
}

// A Refusal is a path that the disk refused something for.
type Refusal struct {
	Path string
	Err  error
}

// Status is how the folder is doing. It is quick.
func (f *Folder) Status() Status {
	f.mu.Lock()
	s := f.status
	for _, p := range slices.Sorted(maps.Keys(f.refused)) {
		s.Refused = append(s.Refused, Refusal{p, f.refused[p]})
	}
	s.Unread = len(f.unread.errs)
	f.mu.Unlock()
	s.Queued = f.queue.length()
	s.Scanning, s.First, s.Scanned = !f.scanner.ready.Load(), f.scanner.first(), f.scanner.entries.Load()
	s.Held = f.Held()
	return s
}

// Writing is the paths of files that programs write.
func (f *Folder) Writing(ctx context.Context) (l []string, err error) {
	err = f.do(ctx, func() error {
		return f.journal.View(func(tx *journal.Tx) error {
			for dir, names := range f.works.by {
				for name, w := range names {
					if !w.busy {
						continue
					}
					p, err := key{dir, name}.path(tx)
					if err != nil {
						return err
					}
					l = append(l, p)
				}
			}
			return nil
		})
	})
	slices.Sort(l)
	return l, err
}

// WaitSettled returns when the folder was compared with the journal, and all that programs did before the call
// is in it: no file is being written that was then.
func (f *Folder) WaitSettled(ctx context.Context) error {
	f.hurry()
	last := f.queue.last()
	var then time.Time
	return f.awaitJournaled(ctx, func() bool {
		if !f.scanner.ready.Load() || f.scanner.waiting() || f.journaled < last || f.works.settled() > 0 {
			return false
		}
		if then.IsZero() {
			then = f.options.Now()
		}
		first := f.works.oldest()
		return first.IsZero() || first.After(then)
	})
}

// Unseen counts the changes that have does not cover, and the bytes of their contents.
func (f *Folder) Unseen(have version.Vector) (items int, bytes int64, err error) {
	err = f.journal.View(func(tx *journal.Tx) error {
		return tx.Unseen(have, func(it *item.Item) error {
			items++
			for d, e := range it.Entries {
				if e.Content != nil && !e.Gone && !have.Has(d) {
					bytes += e.Content.Size
				}
			}
			return nil
		})
	})
	return items, bytes, err
}

// setStatus has the status say what is now.
func (f *Folder) setStatus() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status = Status{
		Files: f.held.files, Absent: f.held.absent, Pending: f.works.count, Writing: len(f.works.busy),
		WrittenSince: f.works.oldest(),
		Steps:        len(f.execution.blocked),
	}
}

// accepted: the disk took what it may have refused before.
func (f *Folder) accepted(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.refused, path)
}

// refuse notes what the disk refused. It is told once, until it is another error.
func (f *Folder) refuse(path string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if was := f.refused[path]; was == nil || was.Error() != err.Error() {
		f.log.Warn("the disk refused", "path", path, "err", err)
	}
	const most = 1000
	if len(f.refused) < most {
		f.refused[path] = err
	}
}
