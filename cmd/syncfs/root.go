package main

import (
	"github.com/spf13/cobra"
)

const rootLong = `syncfs keeps a folder the same on several machines, without a server in the middle.

  syncfs mount ~/Sync      makes the folder a replica and mounts it in place
  syncfs key               prints its public key, for the other machine
  syncfs peer add NAME ADDRESS --key 'ssh-ed25519 ...'
                           tells it of the other machine, there and here
  syncfs status            says how things stand

DIR may be left out where the working directory is in a replica, or one folder is mounted.`

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "syncfs",
		Short:         "One folder, the same on several machines",
		Long:          rootLong,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.ValidateFlagGroups(); err != nil {
				return err
			}
			cmd.Annotations = map[string]string{started: "yes"}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("%q is no command of syncfs", args[0])
			}
			return cmd.Help()
		},
		Args: cobra.ArbitraryArgs,
	}
	root.SetHelpTemplate(root.HelpTemplate() + "\n" + exitHelp + "\n")
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveFilterDirs)
	root.AddCommand(
		mountCommand(),
		umountCommand(),
		keyCommand(),
		peerCommand(),
		statusCommand(),
		flushCommand(),
		conflictsCommand(),
		serveCommand(),
		versionCommand(),
	)
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.RunE = func(*cobra.Command, []string) error {
			return usage("completion: say bash, zsh, fish or powershell")
		}
	}
	return root
}
