package disk

import (
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"syncfs/journal/change"
	"syncfs/journal/item"
	"syncfs/journal/signature"
	"syncfs/journal/step"
	"syncfs/replicate/chunk"
)

var emptyRoot = chunk.List(nil).Root()

// errMoving: a file was written while it was read.
var errMoving = errors.New("written while it was read")

// A job is a file whose content is to be taken.
type job struct {
	key    key
	path   string
	number uint64
	old    chunk.List     // of an older version, in which nothing but
	ranges []change.Range // these was written; nil: all is read
}

// taken is what a worker found.
type taken struct {
	job
	err     error
	content item.Content
	list    chunk.List // of a file
	stat    step.Stat
	xattrs  map[string]string
	racy    bool
	made    bool // a change tells that it was made there
}

// A taker reads files: one to a worker.
type taker struct {
	disk     Disk
	now      func() time.Time
	splitter chunk.Splitter
	small    []byte
}

// tick is how far apart two changes may be and still have one timestamp. A file that was changed less
// than that before it was read may be changed again with the same signature: git's racy entries.
const tick = 20 * time.Millisecond

// take reads a file underneath. The signature is that of the bytes read, and of what is at the path.
func (t *taker) take(j job) taken {
	out := taken{job: j}
	start := t.now()
	file, err := t.disk.Open(j.path)
	if err != nil {
		out.err = err
		return out
	}
	defer file.Close()
	sig, err := signatureOf(file)
	if err != nil {
		out.err = err
		return out
	}
	if out.list, out.err = t.split(file, sig.Size, j); out.err != nil {
		return out
	}
	if !plain(file) {
		out.xattrs, _ = t.disk.XAttrs(j.path)
	}
	if out.stat, out.err = t.disk.Stat(j.path); out.err != nil {
		return out
	}
	if out.stat.Signature != sig || out.list.Size() != sig.Size {
		out.err = errMoving
		return out
	}
	out.racy = max(sig.MTime, sig.CTime) > start.Add(-tick).UnixNano()
	out.content = item.Content{Root: out.list.Root(), Size: sig.Size, MTime: sig.MTime}
	return out
}

func (t *taker) split(file *os.File, size int64, j job) (chunk.List, error) {
	if j.old != nil && j.ranges != nil {
		return t.splitter.Resplit(j.old, file, size, j.ranges)
	}
	if size > chunk.Max {
		return t.splitter.Split(file)
	}
	if t.small == nil {
		t.small = make([]byte, chunk.Max+1)
	}
	n, err := io.ReadFull(file, t.small)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	return chunk.Bytes(t.small[:n]), nil
}

// plain tells that a file has no extended attribute at all, as most.
func plain(file *os.File) bool {
	n, err := unix.Flistxattr(int(file.Fd()), nil)
	return err == nil && n == 0
}

func signatureOf(file *os.File) (signature.Signature, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return signature.Signature{}, &os.PathError{Op: "fstat", Path: file.Name(), Err: err}
	}
	return signatureFrom(&st), nil
}

func signatureFrom(st *unix.Stat_t) signature.Signature {
	return signature.Signature{
		Dev: uint64(st.Dev), Ino: st.Ino, Size: st.Size,
		MTime: signature.Nanoseconds(st.Mtim.Unix()), CTime: signature.Nanoseconds(st.Ctim.Unix()),
	}
}

// same tells whether data is the content of that root.
func same(data []byte, root item.Hash) bool { return chunk.Bytes(data).Root() == root }
