package fusefs

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"syncfs/journal/step"
)

// status is the errno that a program sees: the underlying filesystem's, where it said one.
func status(err error) fuse.Status {
	if errno, ok := err.(unix.Errno); ok {
		return fuse.Status(errno)
	}
	return fuse.Status(errnoOf(err))
}

func errnoOf(err error) unix.Errno {
	if err == nil {
		return 0
	}
	var errno unix.Errno
	for _, c := range []struct {
		is    error
		errno unix.Errno
	}{
		{step.ErrBusy, unix.EBUSY},
		{step.ErrChanged, unix.ESTALE},
		{context.Canceled, unix.EINTR},
		{context.DeadlineExceeded, unix.EIO},
		{os.ErrClosed, unix.EBADF},
	} {
		if errors.Is(err, c.is) {
			return c.errno
		}
	}
	if errors.As(err, &errno) {
		return errno
	}
	for _, c := range []struct {
		is    error
		errno unix.Errno
	}{
		{fs.ErrNotExist, unix.ENOENT},
		{fs.ErrExist, unix.EEXIST},
		{fs.ErrPermission, unix.EACCES},
	} {
		if errors.Is(err, c.is) {
			return c.errno
		}
	}
	return unix.EIO
}
