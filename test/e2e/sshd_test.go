package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// An sshd is a real OpenSSH server on a loopback port: one process for each connection, all ended with
// the test.
type sshd struct {
	t    *testing.T
	dir  string
	user string
	port string
}

func startSSHD(t *testing.T, dir string) *sshd {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &sshd{t: t, dir: dir, user: u.Username}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // where sshd confines its unprivileged part
			t.Fatal(err)
		}
	}
	s.keygen(s.file("host"))
	s.write(s.file("config"), fmt.Sprintf("HostKey %s\nAuthorizedKeysFile %s\nPidFile none\nStrictModes no\nUsePAM no\n"+
		"PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n",
		s.file("host"), s.file("authorized")))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, s.port, _ = net.SplitHostPort(ln.Addr().String())
	var all sync.WaitGroup
	all.Go(func() {
		for nc, err := ln.Accept(); err == nil; nc, err = ln.Accept() {
			all.Go(func() { s.session(nc) })
		}
	})
	t.Cleanup(func() { ln.Close(); all.Wait() })
	return s
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
	cmd := exec.Command("/usr/sbin/sshd", "-i", "-e", "-f", s.file("config"))
	var log bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = f, f, &log
	if err := cmd.Start(); err != nil {
		s.t.Errorf("these tests need OpenSSH's server: %v", err)
		return
	}
	cmd.Wait() // its status tells of the client's end
	if s.t.Failed() {
		s.t.Logf("sshd: %s", &log)
	}
}

func (s *sshd) file(name string) string { return filepath.Join(s.dir, name) }

// address is of a folder on this machine, as others reach it.
func (s *sshd) address(dir string) string {
	return fmt.Sprintf("ssh://%s@127.0.0.1:%s%s", s.user, s.port, dir)
}

// lets a station's user log in, and the station know the host.
func (s *sshd) lets(st *station) {
	s.t.Helper()
	dot := filepath.Join(st.home, ".ssh")
	if err := os.Mkdir(dot, 0o700); err != nil {
		s.t.Fatal(err)
	}
	s.keygen(filepath.Join(dot, "id_ed25519"))
	s.write(s.file("authorized"), s.read(filepath.Join(dot, "id_ed25519.pub")))
	s.write(filepath.Join(dot, "known_hosts"), "[127.0.0.1]:"+s.port+" "+s.read(s.file("host.pub")))
}

// newHostKey is what a machine that poses as the server would have.
func (s *sshd) newHostKey() {
	s.t.Helper()
	os.Remove(s.file("host"))
	os.Remove(s.file("host.pub"))
	s.keygen(s.file("host"))
}

func (s *sshd) keygen(file string) {
	s.t.Helper()
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file).CombinedOutput(); err != nil {
		s.t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
}

// write adds to a file.
func (s *sshd) write(file, text string) {
	s.t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(strings.TrimRight(text, "\n") + "\n"); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sshd) read(file string) string {
	s.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}
