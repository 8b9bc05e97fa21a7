// Command syncfs keeps a folder the same on several machines.
//
// Each subcommand has a file: its usage text, its options, a short body. What it does to a replica is a
// request, answered by the folder's daemon over the control socket or, where none runs, in this process
// by the same code (package daemon).
//
// The exit status is an interface: 0 done, 1 failed, 2 wrong usage, 3 not complete.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"syncfs/fusefs"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == fusefs.HelperArg {
		os.Exit(fusefs.HelperMain())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	return finish(cmd, err, stderr)
}
