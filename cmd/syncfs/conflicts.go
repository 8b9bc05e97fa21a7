package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"syncfs/cmd/daemon"
	"syncfs/cmd/folder"
	"syncfs/cmd/report"
)

const conflictsLong = `Lists the open conflicts, oldest first: what was changed in two ways by replicas that did not know of each
other. Both versions are kept as files; the one whose name says "conflict" is the one that lost its name.

To settle one, keep what is right under the plain name and remove or rename the other.`

func conflictsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "conflicts [DIR]",
		Short: "List the open conflicts, oldest first",
		Long:  conflictsLong,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runConflicts(cmd, asJSON, dirArg(args))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func runConflicts(cmd *cobra.Command, asJSON bool, dir string) error {
	f, err := folder.Find(dir)
	if err != nil {
		return err
	}
	var conflicts []report.Conflict
	if err := ask(cmd, f, daemon.OpConflicts, nil, &conflicts); err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), conflicts)
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, c := range conflicts {
		fmt.Fprintf(table, "%s\t%s\t%s\n", c.Time.Local().Format(time.DateTime), c.Replica, c.Path)
	}
	return table.Flush()
}
