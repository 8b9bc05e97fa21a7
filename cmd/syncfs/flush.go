package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"syncfs/cmd/daemon"
	"syncfs/cmd/folder"
	"syncfs/cmd/report"
)

const flushLong = `Syncs with every peer now, both ways. It first waits for a running scan, for changes on their way to the
journal, and for files that were being written when it began until they are closed or still for 2 s: up to
10 s, or as long as --timeout says.

Status 0: each peer and this replica hold, content in place, what either had when the flush began.
Status 3: some peer could not be reached, something is held, still written or not to be had, or the time
was up; each is named.`

type flushOptions struct {
	peer    string
	timeout time.Duration
	json    bool
}

func flushCommand() *cobra.Command {
	var o flushOptions
	cmd := &cobra.Command{
		Use:   "flush [DIR]",
		Short: "Sync with every peer now, and say whether all have all",
		Long:  flushLong,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runFlush(cmd, o, dirArg(args))
		},
	}
	cmd.Flags().StringVar(&o.peer, "peer", "", "sync with the peer of this `name` alone")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 0, "wait this long, also for files being written (0: 10 s for these)")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func runFlush(cmd *cobra.Command, o flushOptions, dir string) error {
	if o.timeout < 0 {
		return usage("--timeout %v: it can't be negative", o.timeout)
	}
	f, err := folder.Find(dir)
	if err != nil {
		return err
	}
	var done report.Flush
	if err := ask(cmd, f, daemon.OpFlush, daemon.Flush{Peer: o.peer, Timeout: o.timeout}, &done); err != nil {
		return err
	}
	if o.json {
		err = printJSON(cmd.OutOrStdout(), done)
	} else {
		printFlush(cmd.OutOrStdout(), cmd.ErrOrStderr(), done)
	}
	if err == nil && !done.Complete {
		return errNotComplete
	}
	return err
}

func printFlush(stdout, stderr io.Writer, done report.Flush) {
	for _, p := range done.Problems {
		fmt.Fprintln(stderr, "syncfs: "+warning(stderr, problem(p)))
	}
	if done.Complete {
		fmt.Fprintf(stdout, "in step with %s\n", orElse(strings.Join(done.Peers, ", "), "nobody: there are no peers"))
	}
}
