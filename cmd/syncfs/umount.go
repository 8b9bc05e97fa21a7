package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"syncfs/cmd/control"
	"syncfs/cmd/daemon"
	"syncfs/cmd/folder"
	"syncfs/fusefs"
)

const umountLong = `Brings what programs wrote to disk, fsyncs the journal, unmounts, and is back when the daemon has ended.
The files stay where they are.

Programs that still have files open in the mount are given a few seconds; then their calls end with an
error. The mount of a daemon that is gone is taken away.`

func umountCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "umount [DIR]",
		Aliases: []string{"unmount"},
		Short:   "Unmount a replica and end its daemon",
		Long:    umountLong,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runUmount(cmd, dirArg(args))
		},
	}
}

func runUmount(cmd *cobra.Command, dir string) error {
	f, err := folder.Find(dir)
	if err != nil {
		return err
	}
	if !f.Mounted {
		return fmt.Errorf("%s: not mounted", f.Dir)
	}
	if err := os.Chdir("/"); err != nil { // not to be the last program in the mount
		return err
	}
	ctx := cmd.Context()
	conn, err := control.Dial(ctx, f.Dir, f.UID)
	if errors.Is(err, control.ErrNone) {
		return umountStale(f)
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	pid, err := conn.PID()
	if err != nil {
		return err
	}
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	defer unix.Close(process)
	progress := newProgress(cmd.ErrOrStderr())
	defer progress.done()
	if err := conn.Call(ctx, daemon.OpStop, nil, nil, progress.show); err != nil {
		return err
	}
	return waitEnd(ctx, process, progress)
}

// waitEnd returns when the process has ended.
func waitEnd(ctx context.Context, process int, progress *progress) error {
	fds := []unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}}
	for ctx.Err() == nil {
		n, err := unix.Poll(fds, 200)
		switch {
		case n > 0:
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("wait for the daemon: %w", err)
		}
		progress.show("waiting for programs to close their files")
	}
	return context.Cause(ctx)
}

// umountStale takes away a mount whose daemon is gone.
func umountStale(f folder.Folder) error {
	stale, err := fusefs.Stale(f.Dir)
	if err != nil {
		return err
	}
	if !stale {
		return noDaemon(f)
	}
	return fusefs.Recover(f.Dir)
}
