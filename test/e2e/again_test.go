package e2e

import (
	"strings"
	"testing"
)

// A file that is opened, written and closed again and again, among ever new ones, goes out as it was when the flush began, or
// later.
func TestAFlushTakesWhatIsWrittenAgainAndAgain(t *testing.T) {
	asBoth(t, func(t *testing.T, a, b *station) {
		for _, flusher := range []*station{a, b} {
			again := a.begins("sh", "-c", "n=0; while echo line >> log && echo new > new.$((n = n + 1)); do sleep 0.1; done")
			if !until(patience, func() bool { return a.exec("/usr/bin/test", "-s", "log").status == 0 }) {
				t.Fatal("nothing is written")
			}
			before := a.shell("cat log")
			flusher.FlushAtLast()
			if got := b.shell("cat log"); !strings.HasPrefix(got, before) {
				t.Errorf("after a flush on %s the log has %d bytes, and had %d before", flusher.Name, len(got), len(before))
			}
			again.cmd.Process.Kill()
			again.wait()
			flusher.FlushAtLast()
			if want, got := a.shell("cat log; ls"), b.shell("cat log; ls"); got != want {
				t.Errorf("at last there is %q on one side, %q on the other", want, got)
			}
		}
	})
}
