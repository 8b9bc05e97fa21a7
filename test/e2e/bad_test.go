package e2e

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is wrong outside: each a clear error in status and log on both sides, and nothing changed.

// refused wants a flush of s that ends with status 3 and names the peer, and the words in status and log.
func (s *station) refused(peer string, words ...string) {
	s.t.Helper()
	r := s.Try("flush", s.Dir, "--peer", peer, "--timeout", "20s")
	if r.status != 3 || !strings.Contains(r.stderr, peer) {
		s.t.Errorf("%s: flush ended with status %d: %s%s", s.Name, r.status, r.stdout, r.stderr)
	}
	s.tells(words...)
}

// tells wants the words in one error or problem of status, and in the log.
func (s *station) tells(words ...string) {
	s.t.Helper()
	said := func() bool {
		for _, text := range s.troubles() {
			if containsAll(text, words) {
				return true
			}
		}
		return false
	}
	if !until(patience/10, said) {
		s.t.Errorf("%s: status tells %q, nowhere %q", s.Name, s.troubles(), words)
	}
	if log := s.Log(); !anyLine(log, words) {
		s.t.Errorf("%s: the log has no line with %q:\n%s", s.Name, words, log)
	}
	s.Mount()
}

func (s *station) troubles() (texts []string) {
	s.t.Helper()
	st := s.Status()
	for _, p := range st.Peers {
		if p.Error != "" {
			texts = append(texts, p.Name+" "+p.Error)
		}
	}
	for _, p := range st.Problems {
		texts = append(texts, p.Peer+" "+p.Path+" "+p.What)
	}
	return texts
}

func anyLine(text string, words []string) bool {
	for _, line := range strings.Split(text, "\n") {
		if containsAll(line, words) {
			return true
		}
	}
	return false
}

func containsAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// strangers is a pair of which nothing has been synced: a holds a file, b another.
func strangers(t *testing.T, via transport) (c *cluster, a, b *station) {
	t.Helper()
	c = newCluster(t, via)
	s := c.Mounted("a", "b")
	s[0].Write("of a", "1")
	s[1].Write("of b", "2")
	return c, s[0], s[1]
}

func untouched(a, b *station) {
	a.t.Helper()
	a.WantNames("", "of a")
	b.WantNames("", "of b")
}

func TestAWrongKeyIsRefused(t *testing.T) {
	overBoth(t, func(t *testing.T, via transport) {
		c, a, b := strangers(t, via)
		other := c.Station("other")
		b.Run("peer", "rm", "a")
		b.Run("peer", "add", "a", "--key", other.Key())
		a.refused("b", "peer add")
		b.tells("not a member")
		untouched(a, b)
	})
}

func TestAChangedKeyOfAPeerIsRefused(t *testing.T) {
	overBoth(t, func(t *testing.T, via transport) {
		c, a, b := strangers(t, via)
		other := c.Station("other")
		a.Run("peer", "add", "b", "--key", other.Key())
		if n := strings.Count(a.Run("peer", "ls", "--json"), `"name"`); n != 1 {
			t.Errorf("%d peers", n)
		}
		a.refused("b", "instead of")
		b.tells("hung up at the sight")
		untouched(a, b)
	})
}

func TestAChangedHostKeyIsRefused(t *testing.T) {
	c, a, b := strangers(t, openSSH)
	hosts, err := os.ReadFile(c.ssh("known_hosts"))
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(string(hosts), " ")
	if err := os.WriteFile(c.ssh("known_hosts"), []byte(name+" "+a.Key()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.refused("b", "another machine may be posing as it", "ssh-keygen -R")
	untouched(a, b)
}

func TestAnUnknownHostKeyIsRefused(t *testing.T) {
	c, a, b := strangers(t, openSSH)
	if err := os.Remove(c.ssh("known_hosts")); err != nil {
		t.Fatal(err)
	}
	a.refused("b", "known_hosts", "ssh-keyscan")
	untouched(a, b)
}

func TestAnUnknownFolderIsTold(t *testing.T) {
	c, a, b := strangers(t, openSSH)
	nowhere := filepath.Join(c.dir, "nowhere")
	a.Run("peer", "add", "b", c.sshd.Address(nowhere), "--command", syncfs)
	a.refused("b", nowhere, "no replica")
	a.Run("peer", "add", "b", c.sshd.Address(b.Dir), "--command", "no-such-syncfs")
	a.refused("b", "not found", "--command")
	untouched(a, b)
	if _, err := os.Stat(nowhere); err == nil {
		t.Error("the unknown folder was made")
	}
}

func TestAnotherProtocolIsTold(t *testing.T) {
	c, a, b := strangers(t, openSSH)
	for words, want := range map[string]string{
		"220 mail.example ESMTP\r\n": "220 mail.example",
		"\x00\x01\x02\xff\xfe":       "does not speak SSH",
	} {
		a.Run("peer", "add", "b", answering(t, words))
		a.refused("b", want)
	}
	a.Run("peer", "add", "b", "127.0.0.1:"+c.port())
	a.refused("b", "OpenSSH", "ssh://")
	untouched(a, b)
}

func TestGarbageIsTold(t *testing.T) {
	_, a, b := strangers(t, embedded)
	nc, err := net.Dial("tcp", b.listen)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	io.WriteString(nc, "GET / HTTP/1.1\r\n\r\n"+strings.Repeat("\x00garbage", 1000))
	io.Copy(io.Discard, nc)
	b.tells("127.0.0.1", "does not speak SSH")
	a.Flush()
	WantEqual(t, a, b)
}

func TestAPeerThatIsAwayIsNamed(t *testing.T) {
	_, a, b := strangers(t, embedded)
	b.Umount()
	a.refused("b", "refused")
	b.Mount()
	a.Flush()
	WantEqual(t, a, b)
}

func TestARemovedPeerIsRefusedAtOnce(t *testing.T) {
	_, a, b := strangers(t, embedded)
	a.Flush()
	b.Run("peer", "rm", "a")
	a.Write("of a, later", "3")
	a.refused("b", "peer add")
	b.WantNone("of a, later")
}

func TestExitStatusOfWrongUse(t *testing.T) {
	a := newCluster(t, embedded).Mounted("a")[0]
	for want, commands := range map[int][][]string{
		2: {{"nonsense"}, {"flush", "--timeout", "x"}, {"mount"}, {"peer", "add", "a/b"}, {"peer", "add", "b", "no-port"},
			{"peer", "add", "b", "--key", "ssh-rsa AAAA"}, {"mount", a.Dir, "--interval", "never"}},
		1: {{"flush", a.Dir, "--peer", "nobody"}, {"peer", "rm", "nobody"}, {"umount", a.home}, {"status", a.home}},
		0: {{"version"}, {"--help"}, {"flush", a.Dir}, {"conflicts", a.Dir}},
	} {
		for _, args := range commands {
			if r := a.Try(args...); r.status != want || want != 0 && !strings.HasPrefix(r.stderr, "syncfs: ") {
				t.Errorf("syncfs %q: status %d, want %d: %s%s", args, r.status, want, r.stdout, r.stderr)
			}
		}
	}
}

// answering is the address of something that says words to whoever connects.
func answering(t *testing.T, words string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for nc, err := ln.Accept(); err == nil; nc, err = ln.Accept() {
			io.WriteString(nc, words)
			nc.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, nc)
			nc.Close()
		}
	}()
	return ln.Addr().String()
}
