package disk

import (
	"context"
	"errors"
	"fmt"
	"os"

	"syncfs/replicate/chunk"
	"syncfs/replicate/session"
)

// A stage is a content that a session puts together.
type stage struct {
	*os.File
	s    *staging
	want session.Want
	name string
	over bool
}

// Stage opens the place where a content is put together. A big one goes on where an earlier try ended.
func (f *Folder) Stage(_ context.Context, w session.Want) (session.Stage, error) {
	s := f.staging
	name, flags := s.fresh(), os.O_RDWR|os.O_CREATE|os.O_EXCL
	if w.Size > session.Small {
		name, flags = w.Root.String()+partial, os.O_RDWR|os.O_CREATE
	}
	file, err := s.root.OpenFile(name, flags, 0o600)
	if err != nil {
		return nil, err
	}
	return &stage{File: file, s: s, want: w, name: name}, nil
}

// Commit hands the content over; it is made durable and put in place behind.
func (t *stage) Commit(ctx context.Context, l chunk.List) error {
	if t.over {
		return os.ErrClosed
	}
	t.over = true
	if l.Root() != t.want.Root {
		t.File.Close()
		t.s.discard(t.name)
		return fmt.Errorf("stage %v: the chunks have another root hash", t.want.Root)
	}
	if err := errors.Join(t.File.Truncate(l.Size()), t.File.Close()); err != nil {
		return err
	}
	name := t.name
	if t.want.Size > session.Small {
		name = t.s.fresh()
		if err := t.s.root.Rename(t.name, name); err != nil {
			return err
		}
	}
	if len(l) >= bulky {
		if err := t.s.f.keepBulky(t.want.Root, l); err != nil {
			return err
		}
	}
	t.s.mu.Lock()
	t.s.waiting++
	t.s.under[t.want.Root] = struct{}{}
	t.s.mu.Unlock()
	select {
	case t.s.commit <- content{t.want.Root, name, l}:
		return nil
	case <-ctx.Done():
	case <-t.s.f.done:
	}
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	t.s.waiting--
	delete(t.s.under, t.want.Root)
	t.s.discard(name)
	return errors.Join(ctx.Err(), ErrClosed)
}

// Close ends the stage. The part of a big content is kept.
func (t *stage) Close() error {
	if t.over {
		return nil
	}
	t.over = true
	err := t.File.Close()
	if t.want.Size <= session.Small {
		t.s.discard(t.name)
	}
	return err
}
