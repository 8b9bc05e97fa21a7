package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"syncfs/cmd/daemon"
	"syncfs/cmd/folder"
	"syncfs/cmd/report"
)

type peerLsOptions struct {
	dir  string
	json bool
}

func peerLsCommand() *cobra.Command {
	var o peerLsOptions
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the members",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runPeerLs(cmd, o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	dirFlag(cmd, &o.dir)
	return cmd
}

func runPeerLs(cmd *cobra.Command, o peerLsOptions) error {
	f, err := folder.Find(o.dir)
	if err != nil {
		return err
	}
	var peers []report.Peer
	if err := ask(cmd, f, daemon.OpPeerLs, nil, &peers); err != nil {
		return err
	}
	if o.json {
		return printJSON(cmd.OutOrStdout(), peers)
	}
	return printPeers(cmd.OutOrStdout(), peers)
}

func printPeers(w io.Writer, peers []report.Peer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range peers {
		fmt.Fprintf(table, "%s\t%s\t%s\n", p.Name, orElse(p.Address, "(it dials)"), orElse(p.Key, "(no key yet)"))
	}
	return table.Flush()
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
