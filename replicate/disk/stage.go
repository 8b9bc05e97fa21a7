package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"syncfs/replicate/chunk"
	"syncfs/replicate/session"
)

// A stage is a large content that a session puts together.
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
	if w.Size <= session.Small {
		return s.small(w)
	}
	name := w.Root.String() + partial
	file, err := s.root.OpenFile(name, os.O_RDWR|os.O_CREATE, usual)
	if err != nil {
		return nil, err
	}
	return &stage{File: file, s: s, want: w, name: name}, nil
}

// WriteAt tells in status what the disk refuses.
func (t *stage) WriteAt(p []byte, at int64) (int, error) {
	n, err := holes{t.File}.WriteAt(p, at)
	if err != nil {
		t.s.refuse(err)
	}
	return n, err
}

// refuse notes that the disk refused a content; accept, that it took one.
func (s *staging) refuse(err error) { s.f.refuse(path.Join(".syncfs", stagingDir), err) }
func (s *staging) accept()          { s.f.accepted(path.Join(".syncfs", stagingDir)) }

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
	name := t.s.fresh()
	if err := t.s.root.Rename(t.name, name); err != nil {
		return err
	}
	if len(l) >= bulky {
		if err := t.s.f.keepBulky(t.want.Root, l); err != nil {
			return err
		}
	}
	return t.s.hand(ctx, content{t.want.Root, name, l})
}

// hand has a content that is written made durable, and put in place. It waits while too many are.
func (s *staging) hand(ctx context.Context, c content) error {
	s.mu.Lock()
	s.waiting++
	s.under[c.root]++
	for len(s.committed) >= maxWaiting {
		room := s.room
		s.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return s.takeBack(ctx, c)
		case <-s.f.done:
			return s.takeBack(ctx, c)
		}
		s.mu.Lock()
	}
	s.committed = append(s.committed, c)
	first := len(s.committed) == 1
	s.mu.Unlock()
	if first {
		select {
		case s.commit <- struct{}{}:
		default:
		}
	}
	return nil
}

// takeBack gives up a content that was to be handed over.
func (s *staging) takeBack(ctx context.Context, c content) error {
	s.discard(c.name)
	s.entered([]content{c})
	s.poke()
	return errors.Join(ctx.Err(), ErrClosed)
}

// Close ends the stage. The part of the content is kept.
func (t *stage) Close() error {
	if t.over {
		return nil
	}
	t.over = true
	return t.File.Close()
}

// A smallStage is a small content: a file of staging that is gone if it comes to nothing. There are many of
// these: it does without what a file of package os needs.
type smallStage struct {
	s    *staging
	want session.Want
	name string
	size int64 // what is written
	fd   int   // -1: it is over
}

func (s *staging) small(w session.Want) (*smallStage, error) {
	name := s.fresh()
	fd, err := unix.Openat(int(s.fd.Fd()), name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, usual)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return &smallStage{s: s, want: w, name: name, fd: fd}, nil
}

func (t *smallStage) WriteAt(p []byte, at int64) (n int, err error) {
	if at < 0 || at+int64(len(p)) > session.Small {
		return 0, os.ErrInvalid
	}
	for n < len(p) && (err == nil || errors.Is(err, unix.EINTR)) {
		var more int
		more, err = unix.Pwrite(t.fd, p[n:], at+int64(n))
		n += max(more, 0)
	}
	t.size = max(t.size, at+int64(n))
	if err != nil {
		err = &os.PathError{Op: "write", Path: t.name, Err: err}
	}
	return n, err
}

func (t *smallStage) ReadAt(p []byte, at int64) (n int, err error) {
	if n, err = unix.Pread(t.fd, p, at); err != nil {
		return 0, &os.PathError{Op: "read", Path: t.name, Err: err}
	}
	if n < len(p) {
		err = io.EOF
	}
	return n, err
}

// Commit hands the content over.
func (t *smallStage) Commit(ctx context.Context, l chunk.List) error {
	if t.fd < 0 {
		return os.ErrClosed
	}
	if l.Root() != t.want.Root || l.Size() != t.size {
		return errors.Join(fmt.Errorf("stage %v: the chunks are of another content", t.want.Root), t.Close())
	}
	err := unix.Close(t.fd)
	t.fd = -1
	if err != nil {
		t.s.discard(t.name)
		return &os.PathError{Op: "close", Path: t.name, Err: err}
	}
	return t.s.hand(ctx, content{t.want.Root, t.name, l})
}

// Close ends the stage. Nothing is kept of a content that was not committed.
func (t *smallStage) Close() error {
	if t.fd < 0 {
		return nil
	}
	err := unix.Close(t.fd)
	t.fd = -1
	t.s.discard(t.name)
	return err
}
