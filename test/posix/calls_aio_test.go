package posix

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What io_submit(2) can be asked for.
var aioCommands = map[string]uint16{"read": 0, "write": 1, "fsync": 2, "fdsync": 3, "bad": 100}

// An iocb is struct iocb, an ioEvent struct io_event.
type iocb struct {
	data    uint64
	key     uint32
	flags   uint32
	command uint16
	prio    int16
	fd      uint32
	buf     uint64
	size    uint64
	off     int64
	more    [2]uint64
}

type ioEvent struct {
	_   [2]uint64 // of whom it tells
	res int64
	_   int64
}

// What the kernel does behind a program's back.
var aioCalls = map[string]call{
	// aio has the kernel read or write a file, or make it durable, and waits for the end.
	"aio": func(p *process, a args) (string, error) {
		var buf []byte
		cb := iocb{command: aioCommands[a[1]], fd: uint32(p.fd(a[0]))}
		switch a[1] {
		case "read":
			buf = aligned(int(number(a[2])))
		case "write":
			buf = alignedText(a[2])
		}
		if len(buf) > 0 {
			cb.buf, cb.size, cb.off = uint64(addressOf(&buf[0])), uint64(len(buf)), number(a[3])
		}
		n, err := submit(&cb)
		if err == nil && a[1] == "read" {
			return text(buf[:n]), nil
		}
		return fmt.Sprint(n), err
	},
}

func submit(cb *iocb) (int64, error) {
	var ctx uintptr
	if _, _, errno := unix.Syscall(unix.SYS_IO_SETUP, 1, addressOf(&ctx), 0); errno != 0 {
		return 0, errno
	}
	defer unix.Syscall(unix.SYS_IO_DESTROY, ctx, 0, 0)
	all := [...]unsafe.Pointer{unsafe.Pointer(cb)}
	if _, _, errno := unix.Syscall(unix.SYS_IO_SUBMIT, ctx, 1, addressOf(&all)); errno != 0 {
		return 0, errno
	}
	var e ioEvent
	if _, _, errno := unix.Syscall6(unix.SYS_IO_GETEVENTS, ctx, 1, 1, addressOf(&e), 0, 0); errno != 0 {
		return 0, errno
	}
	if e.res < 0 {
		return 0, syscall.Errno(-e.res)
	}
	return e.res, nil
}
