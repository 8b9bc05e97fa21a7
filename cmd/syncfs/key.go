package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"syncfs/cmd/daemon"
	"syncfs/cmd/folder"
	"syncfs/cmd/report"
)

const keyLong = `Prints the public key of a replica, as one line of an authorized_keys file. Another replica is told
of this one with that line: syncfs peer add NAME ADDRESS --key 'LINE'.

The key is made when the folder has none, also before its first mount.`

type keyOptions struct {
	fingerprint bool
	json        bool
}

func keyCommand() *cobra.Command {
	var o keyOptions
	cmd := &cobra.Command{
		Use:   "key [DIR]",
		Short: "Print this replica's public key",
		Long:  keyLong,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runKey(cmd, o, dirArg(args))
		},
	}
	cmd.Flags().BoolVar(&o.fingerprint, "fingerprint", false, "print the SHA256 fingerprint instead")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func runKey(cmd *cobra.Command, o keyOptions, dir string) error {
	f, err := folder.FindOrMake(dir)
	if err != nil {
		return err
	}
	var key report.Key
	if err := ask(cmd, f, daemon.OpKey, nil, &key); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	switch {
	case o.json:
		return printJSON(out, key)
	case o.fingerprint:
		fmt.Fprintln(out, key.Fingerprint)
	default:
		fmt.Fprintln(out, key.Key)
	}
	return nil
}
