package e2e

import (
	"strings"
	"testing"
)

// A flush ends although a file is written all the time: it names that, and has brought all else. What is begun while it
// runs it does not wait for.
func TestFlushWhileFilesAreWritten(t *testing.T) {
	asBoth(t, func(t *testing.T, a, b *station) {
		log := a.begins("sh", "-c", "while :; do echo line; sleep 0.1; done > log")
		if !until(patience, func() bool { return a.exec("/usr/bin/test", "-s", "log").status == 0 }) {
			t.Fatal("nothing is written")
		}
		a.shell("echo closed > f; mkdir d; echo closed > d/g")
		r := a.Try("flush", a.Dir)
		if r.status != 3 || !strings.Contains(r.stderr, "log: still being written") {
			t.Errorf("status %d\n%s", r.status, r.stderr)
		}
		b.shell("cat f d/g")
		a.shell("echo later > f")
		if r = b.Try("flush", b.Dir); r.status != 3 || !strings.Contains(r.stderr, "still being written there") {
			t.Errorf("status %d there\n%s", r.status, r.stderr)
		}
		if got := b.shell("cat f"); got != "later\n" {
			t.Errorf("there it is %q", got)
		}
		log.cmd.Process.Kill()
		log.wait()
		many := a.begins("sh", "-c", "i=0; while :; do i=$((i+1)); echo $i > new$i; sleep 0.05; done")
		for _, s := range []*station{a, b} {
			s.Flush()
		}
		if many.ended() {
			t.Errorf("the program has ended: %s", &many.errs)
		}
		many.cmd.Process.Kill()
		many.wait()
	})
}
