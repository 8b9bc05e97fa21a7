package fusefs

import (
	"encoding/gob"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A child is the helper process of a mount. It has no descriptor of the FUSE device, so the mount ends
// cleanly whenever the daemon does, also amid a step. mu guards the fields, and is held while an order is
// obeyed; the handlers of the helper's requests lock nothing that is locked while waiting for mu.
type child struct {
	command []string
	seen    func(thread uint32) // told whose requests are the helper's; 0: nobody's

	mu    sync.Mutex
	ended bool
	cmd   *exec.Cmd
	in    io.Closer
	enc   *gob.Encoder
	dec   *gob.Decoder
}

func newChild(command []string, mountPoint string, dev uint64, staging string, seen func(uint32)) (*child, error) {
	if command == nil {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		command = []string{self, HelperArg}
	}
	command = append(command[:len(command):len(command)], mountPoint, strconv.FormatUint(dev, 10), staging)
	return &child{command: command, seen: seen}, nil
}

// do has the helper obey an order, starting it first if there is none.
func (c *child) do(o order) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return unix.ENOTCONN
	}
	if c.cmd == nil {
		if err := c.start(); err != nil {
			return fmt.Errorf("helper of the mount: %w", err)
		}
	}
	var r report
	err := c.enc.Encode(o)
	if err == nil {
		err = c.dec.Decode(&r)
	}
	if err != nil {
		c.stop()
		return fmt.Errorf("helper of the mount: %w", err)
	}
	if r.Errno != 0 {
		return unix.Errno(r.Errno)
	}
	return nil
}

func (c *child) start() error {
	cmd := exec.Command(c.command[0], c.command[1:]...)
	cmd.Dir = "/"
	// It has not the daemon's standard error: whoever waits for the end of that, once the daemon has let go
	// of it, would wait for this.
	//
	// A ^C at the terminal is the daemon's to handle.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.cmd, c.in, c.enc, c.dec = cmd, in, gob.NewEncoder(in), gob.NewDecoder(out)
	var hello report
	if err := c.dec.Decode(&hello); err != nil {
		c.stop()
		return err
	}
	c.seen(hello.Thread)
	return nil
}

// stop ends the helper. It is nobody's thread before its number can be given to another.
func (c *child) stop() {
	if c.cmd == nil {
		return
	}
	c.seen(0)
	c.in.Close()
	c.cmd.Wait()
	c.cmd = nil
}

// end stops the helper for good.
func (c *child) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.stop()
}
