package posix

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"syncfs/fusefs"
	"syncfs/journal/change"
)

// daemonEnv is set for a process that mounts the folder that it names, until its standard input ends.
const (
	daemonEnv   = "POSIX_TEST_DAEMON"
	readOnlyEnv = "POSIX_TEST_READ_ONLY"
)

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

// forgetful is a Recorder that takes no note.
type forgetful struct{}

func (forgetful) Record(change.Change) uint64 { return 0 }

func daemonMain(dir string) int {
	m, err := fusefs.Mount(dir, fusefs.Options{
		Recorder: forgetful{},
		Logger:   slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		ReadOnly: os.Getenv(readOnlyEnv) != "",
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("serves")
	io.Copy(io.Discard, os.Stdin)
	if err := m.Unmount(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	m.Wait()
	return 0
}

// mount has a process of a user mount the folder at dir.
func mount(t *testing.T, program, dir string, user *syscall.Credential, env ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(append(os.Environ(), env...), daemonEnv+"="+dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	var log bytes.Buffer
	cmd.Stderr = &log
	cmd.WaitDelay = patience
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	serves, _ := bufio.NewReader(out).ReadString('\n')
	t.Cleanup(func() {
		in.Close()
		hangs := time.AfterFunc(patience, func() {
			t.Error("the mount does not end")
			exec.Command("umount", "-l", dir).Run()
			cancel()
		})
		err := cmd.Wait()
		hangs.Stop()
		cancel()
		if err != nil || log.Len() > 0 {
			t.Errorf("the mount ends: %v\n%s", err, &log)
		}
	})
	if strings.TrimSpace(serves) != "serves" {
		t.Fatal("mount (FUSE is needed)")
	}
}
