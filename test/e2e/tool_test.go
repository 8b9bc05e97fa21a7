package e2e

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A tool is another program that a test needs: git, tar, go. It has a deadline, since a mount that hangs
// hangs it too.
type tool struct {
	t   *testing.T
	cmd *exec.Cmd
}

func newTool(t *testing.T, program string, args ...string) *tool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = 5 * time.Second
	return &tool{t, cmd}
}

// in sets the working directory.
func (x *tool) in(dir string) *tool { x.cmd.Dir = dir; return x }

// with adds to the environment.
func (x *tool) with(env ...string) *tool {
	x.cmd.Env = append(x.cmd.Environ(), env...)
	return x
}

// run wants status 0.
func (x *tool) run() { x.t.Helper(); x.output() }

// output is what it printed, without the space around.
func (x *tool) output() string {
	x.t.Helper()
	var stderr strings.Builder
	x.cmd.Stderr = &stderr
	out, err := x.cmd.Output()
	if err != nil {
		x.t.Fatalf("%s: %v\n%s%s", strings.Join(x.cmd.Args, " "), err, out, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// git runs git as somebody who has never configured it.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	return newTool(t, "git", args...).in(dir).with("GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=e2e", "GIT_AUTHOR_EMAIL=e2e@localhost", "GIT_COMMITTER_NAME=e2e", "GIT_COMMITTER_EMAIL=e2e@localhost",
		"HOME="+os.TempDir()).output()
}
