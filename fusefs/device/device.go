package device

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// A Device is the connection of one mount.
type Device struct {
	file   *os.File
	conn   syscall.RawConn // holds the descriptor while it is used by others than the readers
	fd     int             // for the readers: it is closed after the last of them has ended
	proto  *fuse.ProtocolServer
	kernel fuse.InitIn
	opts   *fuse.MountOptions

	gone    chan struct{} // closed when there is no connection any more
	leave   sync.Once
	readers readers
	buffers sync.Pool
}

// New takes over the descriptor of a mount and answers the kernel's first request.
func New(fd int, fs fuse.RawFileSystem, opts *fuse.MountOptions) (*Device, error) {
	d := &Device{
		file:  os.NewFile(uintptr(fd), "/dev/fuse"),
		fd:    fd,
		proto: fuse.NewProtocolServer(fs, opts),
		opts:  opts,
		gone:  make(chan struct{}),
	}
	d.readers.init(runtime.NumCPU(), d.pending)
	d.buffers.New = func() any { return newBuffer(opts.MaxWrite) }
	var err error
	if d.conn, err = d.file.SyscallConn(); err == nil {
		err = d.begin()
	}
	if err != nil {
		d.file.Close()
		return nil, err
	}
	return d, nil
}

// begin answers INIT.
func (d *Device) begin() error {
	b := d.buffers.Get().(*buffer)
	defer d.buffers.Put(b)
	n, err := read(d.fd, b.in)
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&d.kernel)), unsafe.Sizeof(d.kernel)), b.in[:n])
	if err := d.handle(b, n); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	return nil
}

// Passthrough says whether the kernel can read and write files underneath by itself.
func (d *Device) Passthrough() bool { return d.kernel.Flags64()&fuse.CAP_PASSTHROUGH != 0 }

// Gone is closed when the mount has ended: nobody waits for an answer any more.
func (d *Device) Gone() <-chan struct{} { return d.gone }

// Serve answers requests until the folder is unmounted. It returns when the last one is handled.
func (d *Device) Serve() {
	d.readers.all.Go(d.work)
	d.readers.all.Wait()
	d.file.Close()
}

// A buffer is what a request is read into and the answer to it made in.
type buffer struct{ in, out []byte }

const (
	// spare is what a request has besides its data.
	spare = 16 << 10
	// little is as long as most requests and answers are: names, paths, attributes.
	little = 8 << 10
)

func newBuffer(maxIO int) *buffer {
	page := os.Getpagesize()
	in := make([]byte, maxIO+spare+2*page)
	// The data of a write is to begin with a page: copying it is faster.
	at := int(uintptr(unsafe.Pointer(&in[0]))+unsafe.Sizeof(fuse.WriteIn{})) & (page - 1)
	return &buffer{in[page-at:][:maxIO+spare], make([]byte, maxIO+spare)}
}

// The requests whose answers may be long.
const (
	opRead        = 15
	opGetXAttr    = 22
	opListXAttr   = 23
	opReaddir     = 28
	opIoctl       = 39
	opReaddirPlus = 44
)

// isLittle says whether a request of n bytes and its answer are.
func (b *buffer) isLittle(n int) bool {
	var h fuse.InHeader
	if n < int(unsafe.Sizeof(h)) || n > little {
		return false
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&h)), unsafe.Sizeof(h)), b.in)
	switch h.Opcode {
	case opRead, opGetXAttr, opListXAttr, opReaddir, opIoctl, opReaddirPlus:
		return false
	}
	return true
}

// read reads a request.
func read(fd int, b []byte) (int, error) {
	for {
		n, err := unix.Read(fd, b)
		switch err {
		case nil:
			return n, nil
		case unix.EINTR, unix.ENOENT: // ENOENT: who asked has been interrupted meanwhile
		default:
			return 0, err
		}
	}
}

// handle has a request of n bytes answered. The kernel may have given up waiting, which is no error.
func (d *Device) handle(b *buffer, n int) error {
	size, st := d.proto.HandleRequest([][]byte{b.in[:n]}, [][]byte{b.out})
	if st != fuse.OK { // it is none of those that go-fuse knows
		size = refuse(b, n, st)
	}
	for size > 0 {
		_, err := unix.Write(d.fd, b.out[:size])
		switch err {
		case unix.EINTR:
		case unix.ENOENT, unix.ENODEV, nil:
			return nil
		default:
			return err
		}
	}
	return nil
}

// refuse makes an answer that holds nothing but an error, and returns its size.
func refuse(b *buffer, n int, st fuse.Status) int {
	out := fuse.OutHeader{Status: int32(-st)}
	in := fuse.InHeader{}
	if n < int(unsafe.Sizeof(in)) {
		return 0
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&in)), unsafe.Sizeof(in)), b.in)
	out.Unique, out.Length = in.Unique, uint32(unsafe.Sizeof(out))
	return copy(b.out, unsafe.Slice((*byte)(unsafe.Pointer(&out)), unsafe.Sizeof(out)))
}

// pending says whether a request waits for a reader.
func (d *Device) pending() bool {
	p := []unix.PollFd{{Fd: int32(d.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(p, 0)
	return err == nil && n > 0
}

// work reads requests and handles them, as long as there is need of one more who does. What it holds while it handles one
// is little: many may wait for content at a time.
func (d *Device) work() {
	own := &buffer{make([]byte, little), make([]byte, little)}
	for {
		b := d.buffers.Get().(*buffer)
		n, err := read(d.fd, b.in)
		if err != nil {
			d.left(err)
			return
		}
		if d.readers.took() {
			d.readers.all.Go(d.work)
		}
		if b.isLittle(n) {
			copy(own.in, b.in[:n])
			d.buffers.Put(b)
			err = d.handle(own, n)
		} else {
			err = d.handle(b, n)
			d.buffers.Put(b)
		}
		if err != nil {
			d.opts.Logger.Printf("answer to the kernel: %v", err)
		}
		if !d.readers.stay() {
			return
		}
	}
}

// left has those who wait know that the connection is gone.
func (d *Device) left(err error) {
	if !errors.Is(err, unix.ENODEV) {
		d.opts.Logger.Printf("request of the kernel: %v", err)
	}
	d.leave.Do(func() { close(d.gone) })
	d.readers.end()
}
