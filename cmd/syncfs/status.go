package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"syncfs/cmd/daemon"
	"syncfs/cmd/folder"
	"syncfs/cmd/report"
)

const statusLong = `Says how a replica stands: its mount, its peers, the changes that wait to go out, the content that is
known and not here yet, conflicts, transfers under way, and what could not be done and why.

The fields of --json are in the manual.`

type statusOptions struct{ json bool }

func statusCommand() *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:   "status [DIR]",
		Short: "Say how a replica stands",
		Long:  statusLong,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runStatus(cmd, o, dirArg(args))
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func runStatus(cmd *cobra.Command, o statusOptions, dir string) error {
	f, err := folder.Find(dir)
	if err != nil {
		return err
	}
	var s report.Status
	if err := ask(cmd, f, daemon.OpStatus, nil, &s); err != nil {
		return err
	}
	if o.json {
		return printJSON(cmd.OutOrStdout(), s)
	}
	return printStatus(cmd.OutOrStdout(), s, time.Now())
}

func printStatus(w io.Writer, s report.Status, now time.Time) error {
	mount := "not mounted"
	if s.Mounted {
		mount = fmt.Sprintf("mounted by process %d", s.PID)
	}
	fmt.Fprintf(w, "%s: replica %s, %s\n", s.Folder, s.Name, mount)
	for _, line := range []struct {
		show bool
		text string
	}{
		{s.Listen != "", "listening on " + s.Listen},
		{s.Scan.Running, fmt.Sprintf("scanning: %d of %d files", s.Scan.Files, max(s.Scan.Total, s.Scan.Files))},
		{true, "waiting to go out: " + amount(s.Outgoing)},
		{true, "content on its way here: " + amount(s.Wanted)},
		{s.Absent > 0, fmt.Sprintf("listed, with no content here yet: %d files", s.Absent)},
		{s.Conflicts > 0, fmt.Sprintf("conflicts: %d (see `syncfs conflicts`)", s.Conflicts)},
		{len(s.Writing) > 0, fmt.Sprintf("being written: %d files", len(s.Writing))},
	} {
		if line.show {
			fmt.Fprintln(w, "  "+line.text)
		}
	}
	printPeerStates(w, s.Peers, now)
	for _, t := range s.Transfers {
		fmt.Fprintf(w, "  from %s: %s, %s of %s\n", t.Peer, t.Path, size(t.Done), size(t.Bytes))
	}
	for _, p := range s.Problems {
		fmt.Fprintln(w, "  "+warning(w, problem(p)))
	}
	return nil
}

func printPeerStates(w io.Writer, peers []report.Peer, now time.Time) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range peers {
		last := "no session yet"
		if p.LastSession != nil {
			last = "last session " + ago(now, *p.LastSession)
		}
		lag := ""
		if p.Outgoing != nil && p.Outgoing.Items > 0 {
			lag = amount(*p.Outgoing) + " to send"
		}
		fmt.Fprintf(table, "  peer %s\t%s\t%s\t%s\n", p.Name, p.State, last, lag)
		if p.Error != "" {
			fmt.Fprintf(table, "    %s\n", warning(w, p.Error))
		}
	}
	table.Flush()
}
