package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

const (
	statusDone        = 0
	statusFailed      = 1
	statusUsage       = 2
	statusNotComplete = 3
)

const exitHelp = `Exit status: 0 done (conflicts are no failure), 1 failed, 2 wrong usage,
3 not complete (a peer away, something still written or held, a timeout).`

// errNotComplete ends a command whose report has said already what is missing.
var errNotComplete = errors.New("not complete")

// A statusOnly ends a command as its daemon ended, which has said why.
type statusOnly int

func (s statusOnly) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// A usageError is a mistake in how the command was called.
type usageError struct{ error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// started is set in a command's annotations once its arguments were found good: what fails before is
// the caller's mistake.
const started = "started"

// finish tells a person how the command ended and turns that into the exit status.
func finish(cmd *cobra.Command, err error, stderr io.Writer) int {
	var as statusOnly
	switch {
	case err == nil:
		return statusDone
	case errors.As(err, &as):
		return int(as)
	case errors.Is(err, errNotComplete):
		return statusNotComplete
	case cmd.Annotations[started] == "" || errors.As(err, new(usageError)):
		fmt.Fprintf(stderr, "syncfs: %v\nsyncfs: see `%s --help`\n", err, cmd.CommandPath())
		return statusUsage
	}
	fmt.Fprintf(stderr, "syncfs: %v\n", err)
	return statusFailed
}
