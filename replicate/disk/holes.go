package disk

import (
	"bytes"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// A file that its owner made with holes would take its full size on every other replica if the zeros that it is read as
// were written there.

// zeros is a block of a file as filesystems allot them.
var zeros [4096]byte

// holes writes to a file that is zeros wherever it was not written, and leaves out blocks of zeros.
type holes struct{ io.WriterAt }

// WriteAt is that of io.WriterAt.
func (h holes) WriteAt(p []byte, at int64) (n int, err error) {
	for n < len(p) {
		size, hole := stretch(p[n:], at+int64(n))
		if !hole {
			m, err := h.WriterAt.WriteAt(p[n:n+size], at+int64(n))
			if err != nil {
				return n + m, err
			}
		}
		n += size
	}
	return n, nil
}

// stretch is how many bytes p has at its beginning that can be left out, or can't.
func stretch(p []byte, at int64) (size int, hole bool) {
	for size < len(p) {
		n := min(len(zeros)-int((at+int64(size))%int64(len(zeros))), len(p)-size)
		zero := bytes.Equal(p[size:size+n], zeros[:n])
		if size > 0 && zero != hole {
			break
		}
		size, hole = size+n, zero
	}
	return size, hole
}

// copyData copies what a file has besides holes to one that is empty.
func copyData(to, from *os.File, size int64) error {
	for at := int64(0); at < size; {
		data, err := from.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break
		}
		if err != nil {
			return err
		}
		if at, err = from.Seek(data, unix.SEEK_HOLE); err != nil {
			return err
		}
		if _, err := from.Seek(data, io.SeekStart); err != nil {
			return err
		}
		if _, err := to.Seek(data, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.CopyN(to, from, at-data); err != nil {
			return err
		}
	}
	return to.Truncate(size)
}
