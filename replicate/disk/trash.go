package disk

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"
)

const (
	trashDir    = "trash"
	trashLayout = "20060102T150405" // how the name of what is in trash begins, in UTC
	keepTrash   = 30 * 24 * time.Hour
	maxTrash    = 10 << 30
	trashRound  = time.Hour
)

// expire takes out of trash what is too old or too much, now and then, until ctx ends.
func (f *Folder) expire(ctx context.Context) error {
	t := time.NewTicker(trashRound)
	defer t.Stop()
	for {
		if err := f.expireTrash(ctx); err != nil {
			f.log.Warn("trash could not be expired", "err", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
}

// expireTrash removes what was put into trash too long ago, then the oldest while it is all too much.
func (f *Folder) expireTrash(ctx context.Context) error {
	age, size := f.options.TrashAge, f.options.TrashSize
	if age == 0 {
		age = keepTrash
	}
	if size == 0 {
		size = maxTrash
	}
	l, err := fs.ReadDir(f.options.State.FS(), trashDir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	var total int64
	sizes := make([]int64, len(l))
	for i, e := range l {
		sizes[i] = f.trashSize(ctx, e.Name())
		total += sizes[i]
	}
	before := f.options.Now().Add(-age).UTC().Format(trashLayout)
	for i, e := range l { // by name: the oldest first
		stamp, _, _ := strings.Cut(e.Name(), ".")
		if ctx.Err() != nil || stamp >= before && total <= size {
			return ctx.Err()
		}
		if err := f.options.State.RemoveAll(trashDir + "/" + e.Name()); err != nil {
			return err
		}
		total -= sizes[i]
	}
	return nil
}

func (f *Folder) trashSize(ctx context.Context, name string) (size int64) {
	_ = fs.WalkDir(f.options.State.FS(), trashDir+"/"+name, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return ctx.Err()
	})
	return size
}
