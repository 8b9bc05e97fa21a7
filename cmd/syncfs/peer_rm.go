package main

import (
	"github.com/spf13/cobra"

	"syncfs/cmd/daemon"
	"syncfs/cmd/folder"
)

func peerRmCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "rm NAME",
		Short: "Take a replica's membership away, at once",
		Long:  "Takes a replica's membership away. Its key is refused at once, also on connections that are open.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := folder.Find(dir)
			if err != nil {
				return err
			}
			return ask(cmd, f, daemon.OpPeerRm, args[0], nil)
		},
	}
	dirFlag(cmd, &dir)
	return cmd
}
