package disk

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/replicate/chunk"
	"syncfs/replicate/session"
)

// List is the chunks of a content that is here.
func (f *Folder) List(_ context.Context, root item.Hash) (l chunk.List, err error) {
	err = f.journal.View(func(tx *journal.Tx) error {
		here, err := isHere(tx, root)
		if err != nil || !here || root == emptyRoot {
			if err == nil && !here {
				err = fmt.Errorf("content %v: %w", root, chunk.ErrGone)
			}
			return err
		}
		if l, err = list(tx, root); err == nil && l == nil {
			err = fmt.Errorf("content %v: %w", root, chunk.ErrGone)
		}
		return err
	})
	return l, err
}

// ReadContent is a whole small content.
func (f *Folder) ReadContent(ctx context.Context, root item.Hash) ([]byte, error) {
	if root == emptyRoot {
		return []byte{}, nil
	}
	return f.read(ctx, root, 0, session.Small, func(b []byte) bool { return same(b, root) })
}

// ReadChunk is a chunk that is anywhere in the folder.
func (f *Folder) ReadChunk(ctx context.Context, h item.Hash) ([]byte, error) {
	var at []journal.Location
	err := f.journal.View(func(tx *journal.Tx) error {
		var err error
		at, err = tx.Chunk(h)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, l := range at {
		b, err := f.read(ctx, l.Root, l.Offset, int64(l.Length), func(b []byte) bool { return chunk.Sum(b) == h })
		if err == nil {
			return b, nil
		}
	}
	return nil, fmt.Errorf("chunk %v: %w", h, chunk.ErrGone)
}

// read gives up to limit bytes at an offset of a content. A file that can't be found where the journal has it is on its
// way elsewhere, by a step or a program: the journal is asked again when it says where.
func (f *Folder) read(ctx context.Context, root item.Hash, offset, limit int64, right func([]byte) bool) ([]byte, error) {
	b, err := f.tryRead(root, offset, limit, right)
	if !errors.Is(err, chunk.ErrGone) {
		return b, err
	}
	last := f.queue.last()
	if err := f.await(ctx, func() bool { return f.journaled >= last }); err != nil {
		return nil, err
	}
	f.paths.forget()
	return f.tryRead(root, offset, limit, right)
}

// tryRead gives up to limit bytes at an offset of a content, of the first file that has what is right.
func (f *Folder) tryRead(root item.Hash, offset, limit int64, right func([]byte) bool) ([]byte, error) {
	var keys []key
	var paths []string
	var staged string
	err := f.journal.View(func(tx *journal.Tx) error {
		if st, err := tx.Staged(root); err != nil {
			return err
		} else if st != nil {
			staged = st.Name
		}
		return tx.Holders(root, func(parent journal.Slot, name string) error {
			if len(keys) >= 8 {
				return nil
			}
			dir, err := f.paths.of(tx, parent)
			keys, paths = append(keys, key{parent, name}), append(paths, join(dir, name))
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	for i, p := range paths {
		b, err := f.disk.Read(p, offset, limit)
		if err != nil {
			continue
		}
		if right(b) {
			return b, nil
		}
		if b = f.asTaken(b, keys[i], root, offset); b != nil && right(b) {
			return b, nil
		}
	}
	if staged != "" {
		if b, err := f.staging.read(staged, offset, limit); err == nil && right(b) {
			return b, nil
		}
	}
	return nil, fmt.Errorf("content %v: %w", root, chunk.ErrGone)
}

// asTaken is what was read of a file as far as it had the content that was taken from it: it may have grown since. Nil: it
// has not, or has another.
func (f *Folder) asTaken(b []byte, k key, root item.Hash, offset int64) []byte {
	var a *journal.Applied
	err := f.journal.View(func(tx *journal.Tx) (err error) {
		a, err = k.applied(tx)
		return err
	})
	if err != nil || a == nil || a.Content == nil || a.Content.Root != root {
		return nil
	}
	if n := a.Content.Size - offset; n >= 0 && n < int64(len(b)) {
		return b[:n]
	}
	return nil
}

// paths are where directories were on disk when somebody read in them last. One that was renamed since is not
// found there, or has not the content looked for.
type paths struct {
	mu sync.Mutex // guards by; nothing is locked after it
	by map[journal.Slot]string
}

const maxPaths = 1 << 10

func (p *paths) of(tx *journal.Tx, dir journal.Slot) (string, error) {
	p.mu.Lock()
	path, ok := p.by[dir]
	p.mu.Unlock()
	if ok {
		return path, nil
	}
	path, err := tx.SlotPath(dir)
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by == nil || len(p.by) >= maxPaths {
		p.by = map[journal.Slot]string{}
	}
	p.by[dir] = path
	return path, nil
}

func (p *paths) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.by)
}
