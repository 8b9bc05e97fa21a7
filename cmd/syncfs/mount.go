package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"syncfs/cmd/config"
	"syncfs/cmd/daemon"
	"syncfs/journal/name"
)

const mountLong = `Makes DIR a replica if it is none, and mounts it in place: what is in the folder stays there, as plain
files, and what is written from now on is noted and passed on. The daemon runs in the background; the
command is back when the mount serves. A mount whose daemon was killed is taken up again.

What the first mount is given goes to DIR/.syncfs/config.toml. A flag of a later mount holds for that run.`

type mountOptions struct {
	foreground bool
	readyFD    int
	config     config.Config
}

func mountCommand() *cobra.Command {
	var o mountOptions
	cmd := &cobra.Command{
		Use:   "mount DIR",
		Short: "Make a folder a replica and mount it in place",
		Long:  mountLong,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runMount(cmd, o, args[0])
		},
	}
	o.config.Interval = config.DefaultInterval
	f := cmd.Flags()
	f.BoolVar(&o.foreground, "foreground", false, "stay in the foreground, and log to standard error too")
	f.StringVar(&o.config.Name, "name", "", "the replica's `name`: 1 to 32 letters, digits, dots, hyphens, underscores (default: the host's)")
	f.StringVar(&o.config.Listen, "listen", "", "serve peers at this `host:port`")
	f.Var(&o.config.Interval, "interval", "how often to begin sessions with peers; off: only when told to flush")
	f.StringVar(&o.config.Schedule, "schedule", "", "begin sessions by this `cron` expression instead")
	f.BoolVar(&o.config.ReadOnly, "read-only", false, "let no program change anything; peers' changes still come in")
	f.IntVar(&o.readyFD, "ready-fd", 0, "close this descriptor, after one byte, when the mount serves")
	cmd.MarkFlagsMutuallyExclusive("interval", "schedule")
	f.MarkHidden("ready-fd") //nolint:errcheck // the flag is there
	return cmd
}

func runMount(cmd *cobra.Command, o mountOptions, dir string) error {
	if o.config.Name != "" {
		if err := name.CheckReplica(o.config.Name); err != nil {
			return usageError{err}
		}
	}
	if err := daemon.CheckSchedule(o.config); err != nil {
		return usageError{err}
	}
	if !o.foreground {
		return background(cmd, dir)
	}
	return daemon.Run(cmd.Context(), daemon.Options{
		Dir:    dir,
		Config: func(c *config.Config) { overlay(cmd, c, o.config) },
		Stderr: logTo(cmd, o),
		Ready:  func() error { return ready(o.readyFD) },
	})
}

// logTo is where the log goes besides its file: to whoever started the daemon by hand.
func logTo(cmd *cobra.Command, o mountOptions) io.Writer {
	if o.readyFD > 0 {
		return nil
	}
	return cmd.ErrOrStderr()
}

// overlay puts the flags that were given over what the file says.
func overlay(cmd *cobra.Command, c *config.Config, flags config.Config) {
	given := cmd.Flags().Changed
	if given("name") {
		c.Name = flags.Name
	}
	if given("listen") {
		c.Listen = flags.Listen
	}
	if given("interval") {
		c.Interval, c.Schedule = flags.Interval, ""
	}
	if given("schedule") {
		c.Schedule = flags.Schedule
	}
	if given("read-only") {
		c.ReadOnly = flags.ReadOnly
	}
}

// ready tells the parent that the mount serves, and lets go of its terminal.
func ready(fd int) error {
	if fd == 0 {
		return nil
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	if err := unix.Dup2(int(null.Fd()), 2); err != nil {
		return fmt.Errorf("standard error: %w", err)
	}
	pipe := os.NewFile(uintptr(fd), "ready")
	defer pipe.Close()
	_, err = pipe.Write([]byte{1})
	return err
}
