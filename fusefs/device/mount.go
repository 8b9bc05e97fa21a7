package device

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// Mount has fusermount3 mount over a directory, for a user who may not do so himself, and returns the descriptor of the
// connection, which is not inherited by children.
func Mount(point string, options []string) (int, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socketpair", err)
	}
	ours, theirs := pair[0], os.NewFile(uintptr(pair[1]), "socket")
	defer unix.Close(ours)
	var escaped []string
	for _, o := range options {
		escaped = append(escaped, strings.NewReplacer(`\`, `\\`, `,`, `\,`).Replace(o))
	}
	cmd := exec.Command("fusermount3", "-o", strings.Join(escaped, ","), "--", point)
	cmd.Env = append(os.Environ(), "_FUSE_COMMFD=3")
	cmd.ExtraFiles = []*os.File{theirs}
	out, err := cmd.CombinedOutput()
	theirs.Close()
	if err != nil {
		return -1, fmt.Errorf("fusermount3: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return receive(ours)
}

// receive takes a descriptor from a socket.
func receive(socket int) (int, error) {
	b, rights := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, b, rights, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1, os.NewSyscallError("recvmsg", err)
	}
	l, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil || len(l) != 1 {
		return -1, fmt.Errorf("fusermount3 gave no descriptor: %v", err)
	}
	fds, err := unix.ParseUnixRights(&l[0])
	if err != nil || len(fds) != 1 {
		return -1, fmt.Errorf("fusermount3 gave no descriptor: %v", err)
	}
	return fds[0], nil
}
