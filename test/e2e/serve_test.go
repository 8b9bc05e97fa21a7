package e2e

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
)

// A daemon that dies while it serves a peer for `syncfs serve` has not served it: the command says so.
func TestServeSaysThatItsDaemonDied(t *testing.T) {
	s := newCluster(t, embedded).Mounted("a")[0]
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := s.command(ctx, syncfs, "serve", s.Dir)
	cmd.Dir = ""
	var told bytes.Buffer
	cmd.Stderr = &told
	in, err := cmd.StdinPipe()
	s.must(err)
	defer in.Close()
	out, err := cmd.StdoutPipe()
	s.must(err)
	s.must(cmd.Start())
	if _, err := io.ReadFull(out, make([]byte, len("SSH-2.0"))); err != nil {
		t.Fatalf("the daemon does not serve: %v", err)
	}
	s.Kill()
	cmd.Wait() //nolint:errcheck // the status tells
	if status := cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(told.String(), "the daemon ended") {
		t.Errorf("status %d, told %q", status, &told)
	}
}
