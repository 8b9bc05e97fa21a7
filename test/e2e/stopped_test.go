package e2e

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// A daemon that is stopped for a while, as a suspended machine's is, leaves callers waiting; then all goes on.
func TestAStoppedDaemonLeavesCallersWaiting(t *testing.T) {
	asBoth(t, func(t *testing.T, a, b *station) {
		if r := a.exec("/bin/sh", "-c", "echo before > f"); r.status != 0 {
			t.Fatal(r.stderr)
		}
		pid := a.Status().PID
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		done := make(chan result, 1)
		go func() { done <- a.exec("/bin/sh", "-c", "echo during > g && mv g h && cat h && ls") }()
		select {
		case r := <-done:
			t.Errorf("done without the daemon: %+v", r)
			done <- r
		case <-time.After(3 * time.Second):
		}
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		if r := <-done; r.status != 0 || r.stdout != "during\nf\nh\n" {
			t.Errorf("%+v", r)
		}
		a.Flush()
		if r := b.exec("/bin/cat", "f", "h"); r.stdout != "before\nduring\n" {
			t.Errorf("on b: %+v", r)
		}
	})
}

// SIGTERM while a program has a file open: what it wrote is in the folder and at the next mount known to peers.
func TestTerminatedWithAFileOpen(t *testing.T) {
	a, b := pair(t)
	f, err := os.Create(a.Path("open"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("written"); err != nil {
		t.Fatal(err)
	}
	pid := a.Status().PID
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if !until(patience, func() bool { return len(a.daemons()) == 0 }) {
		t.Fatal("the daemon does not end")
	}
	f.Close()
	a.Mount()
	a.Want("open", "written")
	a.Flush()
	b.Want("open", "written")
}
