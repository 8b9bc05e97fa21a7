package control

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// maxFiles bounds the files that a request may hand over.
const maxFiles = 2

var errTooMany = errors.New("too many files handed over")

// A receiver reads a connection and keeps the files that come with the bytes. Where there are too many it keeps none, and
// reads no further: but what it reads with the last of them may be all of a request, so that nobody is told by Read.
type receiver struct {
	conn   *net.UnixConn
	files  []*os.File
	excess error // there were too many
}

func (r *receiver) Read(p []byte) (int, error) {
	if r.excess != nil {
		return 0, r.excess
	}
	rights := make([]byte, syscall.CmsgSpace(4*maxFiles))
	n, rn, flags, _, err := r.conn.ReadMsgUnix(p, rights)
	if errors.Is(err, io.EOF) {
		return 0, io.EOF
	}
	if err != nil {
		return 0, err // n is -1
	}
	err = r.keep(rights[:rn])
	if flags&syscall.MSG_CTRUNC != 0 || len(r.files) > maxFiles {
		r.excess = errTooMany
		r.close()
	}
	return n, err
}

func (r *receiver) keep(rights []byte) error {
	messages, err := syscall.ParseSocketControlMessage(rights)
	if err != nil {
		return err
	}
	for _, m := range messages {
		fds, err := syscall.ParseUnixRights(&m)
		if err != nil {
			return err
		}
		for _, fd := range fds {
			r.files = append(r.files, os.NewFile(uintptr(fd), "handed over"))
		}
	}
	return nil
}

// close closes the files that nobody has closed yet.
func (r *receiver) close() {
	for _, f := range r.files {
		f.Close()
	}
	r.files = nil
}

// sendFiles sends bytes, and files with the first of them.
func sendFiles(conn *net.UnixConn, b []byte, files []*os.File) error {
	if len(files) == 0 {
		_, err := conn.Write(b)
		return err
	}
	fds := make([]int, len(files))
	for i, f := range files {
		fds[i] = int(f.Fd())
	}
	n, _, err := conn.WriteMsgUnix(b, syscall.UnixRights(fds...), nil)
	if err == nil && n < len(b) {
		_, err = conn.Write(b[n:])
	}
	return err
}
