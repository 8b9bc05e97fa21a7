package sshpeer

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// serveDir makes the test binary play `syncfs serve`: for the replica whose state is in that directory.
const serveDir = "SSHPEER_TEST_SERVE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(serveDir); dir != "" {
		os.Exit(playServe(dir, os.Args[len(os.Args)-1]))
	}
	os.Exit(m.Run())
}

// playServe greets every stream with the path that it was started for, and echoes what it is told.
func playServe(dir, path string) int {
	id, err := LoadIdentity(dir, "b")
	if err != nil {
		fmt.Fprintln(os.Stderr, "syncfs:", err)
		return 1
	}
	if strings.HasSuffix(path, "nothing") {
		fmt.Fprintf(os.Stderr, "syncfs: %s: not a replica; make it one with syncfs mount\n", path)
		return 1
	}
	members, err := OpenMembers(filepath.Join(dir, "members.toml"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "syncfs:", err)
		return 1
	}
	rwc, err := Stdio(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "syncfs:", err)
		return 1
	}
	server := &Server{Identity: id, Members: members, Handle: func(ctx context.Context, c *Conn) {
		var echoes sync.WaitGroup
		defer echoes.Wait()
		for s, err := c.Accept(ctx); err == nil; s, err = c.Accept(ctx) {
			echoes.Go(func() {
				fmt.Fprintf(s, "[%s]", path)
				io.Copy(s, s)
				s.Close()
			})
		}
	}}
	if err := server.ServeConn(context.Background(), rwc); err != nil {
		fmt.Fprintln(os.Stderr, "syncfs:", err)
		return 1
	}
	return 0
}

// An sshd is a real OpenSSH server on a loopback port, with keys of its own.
type sshd struct {
	program string
	t       testing.TB
	port    string
	user    string
	hostKey ssh.PublicKey
	dir     string
}

// startSSHD runs one sshd for each connection to a port that stays the test's own.
func startSSHD(t testing.TB) *sshd {
	t.Helper()
	program, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		t.Fatalf("these tests need OpenSSH's server: %v", err)
	}
	if os.Getuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // where sshd confines its unprivileged part
			t.Fatal(err)
		}
	}
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &sshd{t: t, dir: t.TempDir(), user: u.Username}
	s.hostKey = makeKey(t, s.file("host"))
	config := fmt.Sprintf(`
HostKey %s
AuthorizedKeysFile %s
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxAuthTries 6
`, s.file("host"), s.file("authorized"))
	if err := os.WriteFile(s.file("config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s.program, s.port = program, "0"
	s.answers("127.0.0.1")
	return s
}

// answers has the server answer at an address, at the port that it has already, if it has one.
func (s *sshd) answers(ip string) {
	s.t.Helper()
	ln, err := net.Listen("tcp", net.JoinHostPort(ip, s.port))
	if err != nil {
		s.t.Fatal(err)
	}
	_, s.port, _ = net.SplitHostPort(ln.Addr().String())
	var all sync.WaitGroup
	all.Go(func() {
		for nc, err := ln.Accept(); err == nil; nc, err = ln.Accept() {
			all.Go(func() { s.session(nc) })
		}
	})
	s.t.Cleanup(func() { ln.Close(); all.Wait() })
}

// session is one connection in the hands of an sshd in inetd mode, until it ends.
func (s *sshd) session(nc net.Conn) {
	f, err := nc.(*net.TCPConn).File()
	nc.Close()
	if err != nil {
		s.t.Error(err)
		return
	}
	defer f.Close()
	var log said
	cmd := exec.Command(s.program, "-i", "-e", "-f", s.file("config"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = f, f, &log
	cmd.Run() // its status tells of the client's end
	s.t.Logf("sshd: %s", &log)
}

func (s *sshd) file(name string) string { return filepath.Join(s.dir, name) }

// lets makes pub a key that the user may log in with.
func (s *sshd) lets(pub ssh.PublicKey) {
	s.t.Helper()
	if err := os.WriteFile(s.file("authorized"), ssh.MarshalAuthorizedKey(pub), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sshd) address(path string) string {
	return fmt.Sprintf("ssh://%s@127.0.0.1:%s%s", s.user, s.port, path)
}

func (s *sshd) knownHost() string { return "[127.0.0.1]:" + s.port }

// makeKey writes a new pair as ssh-keygen does.
func makeKey(t testing.TB, file string) ssh.PublicKey {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	pub, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, string(pem.EncodeToMemory(block)))
	return pub
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A loginCase is station a, which reaches b through an sshd: everything is in order unless a test spoils
// it.
type loginCase struct {
	t    testing.TB
	a, b *station
	sshd *sshd
	home string
	key  ssh.PublicKey // the user's
}

func newLogin(t testing.TB) *loginCase {
	t.Helper()
	l := &loginCase{t: t, a: newStation(t, "a"), b: newStation(t, "b"), sshd: startSSHD(t)}
	l.home = l.a.dialer.Login.Home
	l.key = makeKey(t, l.ssh("id_ed25519"))
	l.sshd.lets(l.key)
	l.knowHost(l.sshd.knownHost(), l.sshd.hostKey)
	l.b.knows(l.a, "")
	l.reach("/some/folder")
	return l
}

func (l *loginCase) ssh(name string) string { return filepath.Join(l.home, ".ssh", name) }

func (l *loginCase) knowHost(name string, key ssh.PublicKey) {
	l.t.Helper()
	write(l.t, l.ssh("known_hosts"), knownhosts.Line([]string{name}, key)+"\n")
}

// reach gives b the address of path at the sshd, where the command is this binary.
func (l *loginCase) reach(path string) {
	l.t.Helper()
	self, err := os.Executable()
	if err != nil {
		l.t.Fatal(err)
	}
	l.command(path, fmt.Sprintf("%s=%s %s", serveDir, quote(filepath.Dir(l.b.members.file)), quote(self)))
}

func (l *loginCase) command(path, command string) {
	l.t.Helper()
	m := Member{Name: "b", Keys: []Key{l.b.id.Key()}, Command: command}
	if err := m.Address.UnmarshalText([]byte(l.sshd.address(path))); err != nil {
		l.t.Fatal(err)
	}
	if err := l.a.members.Put(m); err != nil {
		l.t.Fatal(err)
	}
}

func (l *loginCase) dialError() error {
	l.t.Helper()
	c, err := l.a.dialer.Dial(bounded(l.t), "b")
	if err == nil {
		c.Close()
	}
	return err
}

// works wants a connection over which streams reach the folder of that path.
func (l *loginCase) works(path string) {
	l.t.Helper()
	c := l.a.dial("b")
	defer c.Close()
	for range 3 {
		s, err := c.Open(bounded(l.t))
		if err != nil {
			l.t.Fatal(err)
		}
		hear(l.t, s, "["+path+"]")
		say(l.t, s, "hello")
		hear(l.t, s, "hello")
	}
}
