package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"syncfs/cmd/control"
	"syncfs/cmd/daemon"
	"syncfs/cmd/folder"
	"syncfs/fusefs"
)

// dirArg is the folder named by a command's only argument, empty if there is none.
func dirArg(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// ask makes one request for a folder: of its daemon, or in this process where there is none.
func ask(cmd *cobra.Command, f folder.Folder, op string, args, result any) error {
	progress := newProgress(cmd.ErrOrStderr())
	defer progress.done()
	conn, err := control.Dial(cmd.Context(), f.Dir, f.UID)
	switch {
	case err == nil:
		defer conn.Close()
		return conn.Call(cmd.Context(), op, args, result, progress.show)
	case !errors.Is(err, control.ErrNone):
		return err
	case f.Mounted:
		return noDaemon(f)
	}
	return daemon.Local(cmd.Context(), f.Dir, op, args, result, progress.show)
}

// connect reaches the daemon of a folder.
func connect(ctx context.Context, f folder.Folder) (*control.Conn, error) {
	conn, err := control.Dial(ctx, f.Dir, f.UID)
	if errors.Is(err, control.ErrNone) && f.Mounted {
		return nil, noDaemon(f)
	}
	return conn, err
}

func noDaemon(f folder.Folder) error {
	if stale, err := fusefs.Stale(f.Dir); err == nil && stale {
		return fmt.Errorf("%s: its daemon is gone; `syncfs mount %s` takes it up again", f.Dir, f.Dir)
	}
	return fmt.Errorf("%s: mounted by user %d, and its daemon's control socket is not to be found; try with the same XDG_RUNTIME_DIR", f.Dir, f.UID)
}
