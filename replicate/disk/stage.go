package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

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
		return &smallStage{s: s, want: w, data: make([]byte, 0, w.Size)}, nil
	}
	name := w.Root.String() + partial
	file, err := s.root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
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

// hand has a content that is written made durable, and put in place.
func (s *staging) hand(ctx context.Context, c content) error {
	s.mu.Lock()
	s.waiting++
	s.under[c.root] = struct{}{}
	s.mu.Unlock()
	select {
	case s.commit <- c:
		return nil
	case <-ctx.Done():
	case <-s.f.done:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
	delete(s.under, c.root)
	s.discard(c.name)
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

// A smallStage is a small content. It is in memory until it is whole.
type smallStage struct {
	s    *staging
	want session.Want
	data []byte
	over bool
}

func (t *smallStage) WriteAt(p []byte, at int64) (int, error) {
	end := at + int64(len(p))
	if at < 0 || end > session.Small {
		return 0, os.ErrInvalid
	}
	if end > int64(len(t.data)) {
		t.data = append(t.data, make([]byte, end-int64(len(t.data)))...)
	}
	return copy(t.data[at:], p), nil
}

func (t *smallStage) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(t.data).ReadAt(p, at)
}

// Commit writes the content to a file and hands it over.
func (t *smallStage) Commit(ctx context.Context, l chunk.List) error {
	if t.over {
		return os.ErrClosed
	}
	t.over = true
	if l.Root() != t.want.Root || l.Size() != int64(len(t.data)) {
		return fmt.Errorf("stage %v: the chunks are of another content", t.want.Root)
	}
	name := t.s.fresh()
	if err := t.s.write(name, t.data); err != nil {
		return err
	}
	t.data = nil
	return t.s.hand(ctx, content{t.want.Root, name, l})
}

func (t *smallStage) Close() error {
	t.over = true
	return nil
}

// write makes a file of staging. There are many of these: it does without what a file of package os needs.
func (s *staging) write(name string, data []byte) error {
	fd, err := unix.Openat(int(s.fd.Fd()), name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	for err == nil && len(data) > 0 {
		var n int
		if n, err = unix.Write(fd, data); errors.Is(err, unix.EINTR) {
			err = nil
		}
		data = data[max(n, 0):]
	}
	if err = errors.Join(err, unix.Close(fd)); err != nil {
		s.discard(name)
		return &os.PathError{Op: "write", Path: name, Err: err}
	}
	return nil
}
