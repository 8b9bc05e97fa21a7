package e2e

import (
	"context"
	"net"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// No call waits for a peer but the few that need the content of a file that is not here: they can be interrupted, and end
// with an error when the content does not come. Nothing else waits for the one that does.
func TestNothingWaitsForAPeerButTheOpenOfAWantedFile(t *testing.T) {
	forUsersApart(t, func(t *testing.T, a, b *station) {
		way := newStaller(t, a.listen, 4<<20)
		b.Knows(a, way.address())
		a.Knows(b, "")
		a.shell("head -c 30000000 /dev/urandom > big")
		var flush sync.WaitGroup
		flush.Go(func() { b.Try("flush", b.Dir, "--timeout", "90s") })
		if !until(patience, func() bool { return b.exec("/bin/ls", "big").status == 0 }) {
			t.Fatal("the file is never listed")
		}
		interrupted, patient := b.begins("cat", "big"), b.begins("cat", "big")
		linking, cutting := b.begins("ln", "big", "further"), b.begins("truncate", "-s", "5", "big")
		all := []*beginning{interrupted, patient, linking, cutting}
		b.shell(`ls -l; setfattr -n user.test -v set big; getfattr --only-values -n user.test big; mkdir x; echo y > x/y; cat x/y; mv x z; ln -s z l; readlink l; chmod 600 big; stat big
			touch -d 2001-01-01 z/y; mv z/y y; rm -r z; df .; sync -f .; ls -l`)
		for _, p := range all {
			if p.ended() {
				t.Errorf("%s of a file whose content is not here does not wait for it: %v, %s", p.cmd.Path, p.cmd.ProcessState, &p.errs)
			}
		}
		if got := b.Run("status", b.Dir); !strings.Contains(got, "listed, with no content here yet: 1 files") {
			t.Errorf("status says\n%s", got)
		}
		interrupted.cmd.Process.Signal(syscall.SIGINT)
		if interrupted.wait(); !interrupted.cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
			t.Errorf("interrupted, it ended as %v", interrupted.cmd.ProcessState)
		}
		for _, p := range all[1:] {
			if p.wait(); !strings.Contains(p.errs.String(), "Input/output error") {
				t.Errorf("%s that nobody answers ended as %v: %s", p.cmd.Path, p.cmd.ProcessState, &p.errs)
			}
		}
		way.goOn()
		flush.Wait()
		b.FlushAtLast()
		if want, got := a.shell("sha256sum big"), b.shell("sha256sum big"); got != want {
			t.Errorf("at last it is %s, not %s", got, want)
		}
		if got := a.shell("getfattr --only-values -n user.test big"); got != "set" {
			t.Errorf("the attribute set before the content came: %q", got)
		}
	})
}

// A staller is a way to a peer that lets so many bytes pass from it, and then nothing more until it goes on.
type staller struct {
	net.Listener
	left  atomic.Int64
	going chan struct{}
}

func newStaller(t *testing.T, to string, after int64) *staller {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &staller{Listener: l, going: make(chan struct{})}
	s.left.Store(after)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				continue
			}
			go pass(far, near, func(int) {})
			go pass(near, far, s.stall)
		}
	}()
	return s
}

func (s *staller) address() string { return s.Addr().String() }
func (s *staller) goOn()           { close(s.going) }

func (s *staller) stall(n int) {
	if s.left.Add(-int64(n)) < 0 {
		<-s.going
	}
}

// pass copies until either end closes, and closes both.
func pass(to, from net.Conn, before func(n int)) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 1<<14)
	for {
		n, err := from.Read(buf)
		before(n)
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

// A beginning is a process that has just begun.
type beginning struct {
	cmd  *exec.Cmd
	errs strings.Builder
	over chan struct{}
}

func (s *station) begins(program string, args ...string) *beginning {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.t.Cleanup(cancel)
	o := &beginning{cmd: s.command(ctx, "/usr/bin/"+program, args...), over: make(chan struct{})}
	o.cmd.Stderr = &o.errs
	s.must(o.cmd.Start())
	go func() {
		defer close(o.over)
		o.cmd.Wait()
	}()
	return o
}

func (o *beginning) ended() bool {
	select {
	case <-o.over:
		return true
	default:
		return false
	}
}

func (o *beginning) wait() {
	<-o.over // the context sees to that
}
