package e2e

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// Root's mount is for all users of the machine, each with the rights that owner, group and mode give; also to what
// has come from a peer.
func TestUsersOfOneMount(t *testing.T) {
	if os.Getuid() != 0 {
		a, _ := pair(t)
		if a.shell("echo mine > f; cat f") != "mine\n" {
			t.Error("an ordinary user's mount is not his own")
		}
		return
	}
	_, a, b := apartOf(t, nil)
	a.Umount()
	a.must(os.Chown(a.Dir, 54399, 54398)) // whose is what comes from peers
	a.Mount()
	a.Knows(b, b.listen)
	b.Knows(a, a.listen)
	const alice, bob, friends = 54321, 54322, 54400
	as := func(uid, gid uint32) *station {
		s := *a
		s.uid = &syscall.Credential{Uid: uid, Gid: gid}
		return &s
	}
	a.shell("chmod 755 .; mkdir -m 1777 shared; mkdir -m 2770 group; chgrp 54400 group; echo root > secret; chmod 600 secret")
	of := map[string]*station{"alice": as(alice, friends), "bob": as(bob, bob), "carol": as(54323, friends)}
	for _, step := range []struct {
		who, line string
		allowed   bool
	}{
		{"alice", "echo hers > shared/f; chmod 640 shared/f; mkdir -m 700 shared/hers; echo h > shared/hers/h", true},
		{"alice", "echo ours > group/f; test $(stat -c %g group/f) = 54400", true},
		{"alice", "cat secret", false},
		{"alice", "echo x > top", false},
		{"alice", "chown 54322 shared/f", false},
		{"bob", "cat shared/f", false},
		{"bob", "echo x >> shared/f", false},
		{"bob", "rm -f shared/f", false},
		{"bob", "mv shared/f shared/g", false},
		{"bob", "chmod 666 shared/f", false},
		{"bob", "ls shared/hers", false},
		{"bob", "cat shared/hers/h", false},
		{"bob", "ls group", false},
		{"bob", "stat shared/f", true},
		{"carol", "cat shared/f", true},
		{"carol", "echo x >> shared/f", false},
		{"carol", "cat group/f; echo too > group/g", true},
	} {
		r := of[step.who].exec("/bin/sh", "-ec", step.line)
		if denied := strings.Contains(r.stderr, "ermission denied") || strings.Contains(r.stderr, "not permitted"); (r.status == 0) != step.allowed || r.status != 0 && !denied {
			t.Errorf("%s: %s: status %d, %s", step.who, step.line, r.status, r.stderr)
		}
	}
	a.Flush()
	b.Write("shared/f", "edited by the peer")
	b.Write("shared/new", "new")
	b.Chmod("shared/new", 0o600)
	b.FlushAtLast()
	a.Want("shared/f", "edited by the peer")
	if got := a.shell("stat -c '%u %g %a' shared/f shared/new"); got != "54321 54400 640\n54399 54398 600\n" {
		t.Errorf("owner, group and mode of what the peer has changed and made: %q", got)
	}
	for line, allowed := range map[string]bool{"cat shared/f": false, "cat shared/new": false, "ls shared": true} {
		if r := of["bob"].exec("/bin/sh", "-c", line); (r.status == 0) != allowed {
			t.Errorf("bob: %s: status %d, %s", line, r.status, r.stderr)
		}
	}
}
