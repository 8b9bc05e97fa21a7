package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// rounds is how often a file is written and closed, and flushed at once.
const rounds = 300

// What a program has closed is in the flush or umount that it asks for next, here or on the peer, although the kernel tells of the close
// when it gets round to it: however it was written, and in both modes of the mount.
func TestWhatWasClosedIsInTheNextFlush(t *testing.T) {
	asBoth(t, func(t *testing.T, a, b *station) {
		script := fmt.Sprintf(`
			printf 000 > same; : > grown; echo > cut; echo > saved
			i=100
			while [ $i -lt %d ]; do
				i=$((i+1))
				case $((i %% 4)) in
				0) f=cut; echo $i > cut;;
				1) f=same; printf $i | dd of=same conv=notrunc 2>/dev/null;;
				2) f=grown; echo $i >> grown;;
				3) f=saved; echo $i > saved.tmp && mv saved.tmp saved;;
				esac
				case $((i / 4 %% 2)) in
				0) from=%q;;
				1) from=%q;;
				esac
				%q flush $from >/dev/null || exit 1
				case $(cat %q/$f) in *$i) ;; *) echo "$f lacks $i";; esac
			done`, 100+rounds, a.Dir, b.Dir, syncfs, b.Dir)
		if r := a.exec("/bin/sh", "-c", script); r.status != 0 || r.stdout != "" {
			t.Errorf("status %d\n%s%s", r.status, r.stdout, r.stderr)
		}
		for i := range 10 {
			if r := a.exec("/bin/sh", "-c", fmt.Sprintf("echo %d > last", i)); r.status != 0 {
				t.Fatal(r.stderr)
			}
			a.Umount()
			if r := a.exec("/bin/cat", "last"); strings.TrimSpace(r.stdout) != fmt.Sprint(i) {
				t.Errorf("after umount: %q, want %d", r.stdout, i)
			}
			if !strings.Contains(a.log(), "not all is journaled") {
				a.Mount()
				continue
			}
			t.Fatal("umount left an edit to the next scan")
		}
	})
}

// asBoth plays a story of two peers in each mode of the mount: as whoever runs the tests, and as an ordinary user
// where that is root.
func asBoth(t *testing.T, story func(t *testing.T, a, b *station)) {
	t.Run("self", func(t *testing.T) {
		a, b := pair(t)
		story(t, a, b)
	})
	t.Run("ordinary", func(t *testing.T) {
		a, b := ordinaryPair(t)
		story(t, a, b)
	})
}
