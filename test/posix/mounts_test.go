package posix

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"syncfs/fusefs"
	"syncfs/journal/change"
	"syncfs/test/churn"
)

// daemonEnv is set for a process that mounts the folder that it names, until its standard input ends.
const (
	daemonEnv   = "POSIX_TEST_DAEMON"
	readOnlyEnv = "POSIX_TEST_READ_ONLY"
	journalEnv  = "POSIX_TEST_JOURNAL" // what programs do is journaled, as the daemon of a replica does
)

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

// forgetful is a Recorder that takes no note.
type forgetful struct{}

func (forgetful) Record(change.Change) uint64 { return 0 }

func daemonMain(dir string) int {
	if os.Getenv(journalEnv) != "" {
		return replicaMain(dir)
	}
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

// replicaMain makes the folder a replica. It has no peer; what it can't read or journal it may tell.
func replicaMain(dir string) int {
	r, err := churn.Start(dir, "posix", slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})), nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("serves")
	io.Copy(io.Discard, os.Stdin)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err = r.Rest(ctx)
	if errors.Is(err, unix.EFBIG) { // what a case wrote beyond the size of a file: it is told once
		err = r.Rest(ctx)
	}
	if err := errors.Join(err, r.End()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
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
