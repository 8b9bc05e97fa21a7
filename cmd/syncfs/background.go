package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"
)

// background starts the same mount as a daemon in a session of its own, and returns when it serves. The
// daemon has the caller's standard error until then: what goes wrong is said there by itself.
func background(cmd *cobra.Command, dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ours.Close()
	// What this process was given open is not the daemon's: a lock would be held for as long as it runs.
	if err := unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil && !errors.Is(err, unix.ENOSYS) {
		return fmt.Errorf("close_range: %w", err)
	}
	child := exec.Command(self, daemonArgs(cmd, dir)...)
	child.Stderr = cmd.ErrOrStderr()
	child.ExtraFiles = []*os.File{theirs} // its descriptor 3
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = child.Start()
	theirs.Close()
	if err != nil {
		return fmt.Errorf("daemon: %w", err)
	}
	ctx := cmd.Context()
	defer interruptWith(ctx.Done(), child.Process)()
	if n, _ := ours.Read(make([]byte, 1)); n == 1 {
		return child.Process.Release()
	}
	err = child.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.Exited() {
		return statusOnly(exit.ExitCode())
	}
	return fmt.Errorf("daemon: it ended before the mount served: %v", err)
}

// daemonArgs is the command line of the daemon: the flags as they were given.
func daemonArgs(cmd *cobra.Command, dir string) []string {
	args := []string{"mount", "--foreground", "--ready-fd=3"}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		args = append(args, "--"+f.Name+"="+f.Value.String())
	})
	return append(args, "--", dir)
}

// interruptWith ends the process when done is, unless stopped before.
func interruptWith(done <-chan struct{}, p *os.Process) (stop func()) {
	quit := make(chan struct{})
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		select {
		case <-done:
			p.Signal(unix.SIGTERM) //nolint:errcheck // it may have ended by itself
		case <-quit:
		}
	}()
	return func() { close(quit); <-finished }
}
