package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"syncfs/cmd/control"
	"syncfs/cmd/daemon"
	"syncfs/cmd/folder"
	"syncfs/journal"
	"syncfs/sshpeer"
)

const serveLong = `Speaks with one peer over standard input and output. It is what a replica with an ssh://user@host/path
address runs here through sshd; nobody needs to run it by hand.

A mounted folder is served by its daemon; of one that is not, this process opens the journal itself and
puts what arrives into the folder directly. The peer proves itself by its replica's own key: to have
logged in makes nobody a member.`

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve DIR",
		Short: "Serve one peer over standard input and output (what ssh:// runs)",
		Long:  serveLong,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runServe(cmd, args[0])
		},
	}
}

func runServe(cmd *cobra.Command, dir string) error {
	stdin, isFile := cmd.InOrStdin().(*os.File)
	stdout, isFile2 := cmd.OutOrStdout().(*os.File)
	if !isFile || !isFile2 {
		return errors.New("serve: standard input and output must be files or pipes")
	}
	f, err := folder.Find(dir)
	if err != nil {
		return err
	}
	return retryLocked(cmd.Context(), func() error {
		conn, err := connect(cmd.Context(), f)
		switch {
		case err == nil:
			defer conn.Close()
			return conn.HandOver(cmd.Context(), daemon.OpServe, stdin, stdout)
		case !errors.Is(err, control.ErrNone):
			return err
		}
		stdio, err := sshpeer.Stdio(stdin, stdout)
		if err != nil {
			return err
		}
		defer stdio.Close()
		return daemon.ServeFolder(cmd.Context(), f.Dir, stdio)
	})
}

// retryLocked tries again while another process has the journal open and is not to be reached: it is
// about to serve, or to end.
func retryLocked(ctx context.Context, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := try()
		if !errors.Is(err, journal.ErrLocked) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-again.C:
		}
	}
}
