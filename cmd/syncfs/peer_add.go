package main

import (
	"github.com/spf13/cobra"

	"syncfs/cmd/daemon"
	"syncfs/cmd/folder"
	"syncfs/journal/name"
	"syncfs/sshpeer"
)

const peerAddLong = `Makes another replica a member, or changes what is known of it: what is not given stays as it was.

ADDRESS is host:port (the embedded server that the other daemon runs with --listen) or
ssh://user@host[:port]/path (through the user's OpenSSH server there, by ~/.ssh/config, agent and
known_hosts). Without an address the other replica is the one that dials.

The key is what ` + "`syncfs key`" + ` prints there; it goes both ways: each replica is told of the other.`

type peerAddOptions struct {
	dir     string
	key     string
	command string
}

func peerAddCommand() *cobra.Command {
	var o peerAddOptions
	cmd := &cobra.Command{
		Use:   "add NAME [ADDRESS]",
		Short: "Make another replica a member, or change its address or key",
		Long:  peerAddLong,
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runPeerAdd(cmd, o, args)
		},
	}
	cmd.Flags().StringVar(&o.key, "key", "", "the other replica's public key, one authorized_keys `line`")
	cmd.Flags().StringVar(&o.command, "command", "", "what runs syncfs there, for ssh:// (default syncfs)")
	dirFlag(cmd, &o.dir)
	return cmd
}

func runPeerAdd(cmd *cobra.Command, o peerAddOptions, args []string) error {
	member := daemon.PeerAdd{Name: args[0], Key: o.key, Command: o.command}
	if err := name.CheckReplica(member.Name); err != nil {
		return usageError{err}
	}
	if len(args) > 1 {
		member.Address = args[1]
		if _, err := sshpeer.ParseAddress(member.Address); err != nil {
			return usageError{err}
		}
	}
	if o.key != "" {
		if _, err := sshpeer.ParseKey(o.key); err != nil {
			return usageError{err}
		}
	}
	f, err := folder.FindOrMake(o.dir)
	if err != nil {
		return err
	}
	return ask(cmd, f, daemon.OpPeerAdd, member, nil)
}

// dirFlag names the folder where arguments are taken by something else.
func dirFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVarP(dir, "dir", "C", "", "the replica's `folder` (default: the one of the working directory)")
}
