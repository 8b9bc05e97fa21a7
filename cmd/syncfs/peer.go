package main

import "github.com/spf13/cobra"

func peerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "peer",
		Short: "Say which replicas this one is to be in step with",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage("peer: say add, rm or ls")
		},
	}
	cmd.AddCommand(peerAddCommand(), peerRmCommand(), peerLsCommand())
	return cmd
}
