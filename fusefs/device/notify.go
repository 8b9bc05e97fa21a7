package device

import (
	"encoding/binary"
	"syscall"
	"unsafe"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// InodeNotify has the kernel forget the attributes of a node, and the pages from off on, size of them; 0: all, and with
// a negative off none. It waits for those who use the pages.
func (d *Device) InodeNotify(node uint64, off, size int64) {
	m := fuse.NotifyInvalInodeOut{Ino: node, Off: off, Length: size}
	d.notify(fuse.NOTIFY_INVAL_INODE, unsafe.Slice((*byte)(unsafe.Pointer(&m)), unsafe.Sizeof(m)), "")
}

// EntryNotify has the kernel forget a name in a directory. It waits for those who use the directory.
func (d *Device) EntryNotify(parent uint64, name string) {
	m := fuse.NotifyInvalEntryOut{Parent: parent, NameLen: uint32(len(name))}
	d.notify(fuse.NOTIFY_INVAL_ENTRY, unsafe.Slice((*byte)(unsafe.Pointer(&m)), unsafe.Sizeof(m)), name+"\x00")
}

// notify sends what is no answer. That the kernel does not know the node, or that the mount has ended, is no error.
func (d *Device) notify(code int32, message []byte, name string) {
	size := int(unsafe.Sizeof(fuse.OutHeader{})) + len(message) + len(name)
	b := binary.NativeEndian.AppendUint32(make([]byte, 0, size), uint32(size))
	b = binary.NativeEndian.AppendUint32(b, uint32(-code))
	b = binary.NativeEndian.AppendUint64(b, 0) // answers no request
	b = append(append(b, message...), name...)
	d.conn.Control(func(fd uintptr) { unix.Write(int(fd), b) })
}

const (
	backingOpen  = 0x4010e501 // FUSE_DEV_IOC_BACKING_OPEN
	backingClose = 0x4004e502 // FUSE_DEV_IOC_BACKING_CLOSE
)

// RegisterBacking gives the kernel a file underneath, and returns the number by which it is named.
func (d *Device) RegisterBacking(fd int) (int32, syscall.Errno) {
	m := fuse.BackingMap{Fd: int32(fd)}
	return d.ioctl(backingOpen, unsafe.Pointer(&m))
}

// UnregisterBacking takes it back.
func (d *Device) UnregisterBacking(id int32) syscall.Errno {
	_, errno := d.ioctl(backingClose, unsafe.Pointer(&id))
	return errno
}

func (d *Device) ioctl(what uintptr, arg unsafe.Pointer) (n int32, errno syscall.Errno) {
	err := d.conn.Control(func(fd uintptr) {
		var r uintptr
		r, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, what, uintptr(arg))
		n = int32(r)
	})
	if err != nil {
		errno = unix.EBADF
	}
	return n, errno
}
