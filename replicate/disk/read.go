package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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
	var paths []string
	var staged string
	size := limit
	err := f.journal.View(func(tx *journal.Tx) error {
		if st, err := tx.Staged(root); err != nil {
			return err
		} else if st != nil {
			staged, size = st.Name, st.Signature.Size
		}
		return tx.ByRoot(root, func(a *journal.Applied) error {
			if len(paths) >= 8 {
				return nil
			}
			dir, err := f.paths.of(tx, a.Parent)
			paths, size = append(paths, join(dir, a.Name)), a.Content.Size
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	try := func(file *os.File, err error) []byte {
		if err != nil {
			return nil
		}
		defer file.Close()
		b := make([]byte, max(0, min(limit, size-offset)))
		n, err := file.ReadAt(b, offset)
		if err != nil && !errors.Is(err, io.EOF) || !right(b[:n]) {
			return nil
		}
		return b[:n]
	}
	for _, p := range paths {
		if b := try(f.disk.Open(p)); b != nil {
			return b, nil
		}
	}
	if staged != "" {
		if b := try(f.staging.root.Open(staged)); b != nil {
			return b, nil
		}
	}
	return nil, fmt.Errorf("content %v: %w", root, chunk.ErrGone)
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
