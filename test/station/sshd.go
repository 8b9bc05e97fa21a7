package station

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"time"
)

// An Sshd is an OpenSSH server of this user's own on the loopback, and a home directory whose ~/.ssh
// knows how to log in there.
type Sshd struct {
	Home string // to be $HOME of who logs in
	Host string // alias in its ~/.ssh/config
	cmd  *exec.Cmd
	log  bytes.Buffer
}

// StartSshd starts a server whose files are below dir. Stop ends it.
func StartSshd(ctx context.Context, dir string) (*Sshd, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &Sshd{Home: filepath.Join(dir, "home"), Host: "station"}
	if err := s.write(dir, address); err != nil {
		return nil, err
	}
	program, err := exec.LookPath("sshd")
	if err != nil {
		program = "/usr/sbin/sshd"
	}
	s.cmd = exec.Command(program, "-D", "-e", "-f", filepath.Join(dir, "sshd_config"))
	s.cmd.Stderr = &s.log
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	return s, s.answers(ctx, address)
}

// write makes keys and configuration of both sides.
func (s *Sshd) write(dir, address string) error {
	me, err := user.Current()
	if err != nil {
		return err
	}
	ssh := filepath.Join(s.Home, ".ssh")
	if err := os.MkdirAll(ssh, 0o700); err != nil {
		return err
	}
	if os.Getuid() == 0 { // where sshd gives up its rights before a login
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return err
		}
	}
	for _, key := range []string{filepath.Join(dir, "host_key"), filepath.Join(ssh, "id_ed25519")} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
			return fmt.Errorf("ssh-keygen: %w: %s", err, out)
		}
	}
	hostKey, err := os.ReadFile(filepath.Join(dir, "host_key.pub"))
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	return errors.Join(
		write(filepath.Join(dir, "sshd_config"), `ListenAddress %s
Port %s
HostKey %s/host_key
PidFile none
AuthorizedKeysFile %s/id_ed25519.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
PrintMotd no
`, host, port, dir, ssh),
		write(filepath.Join(ssh, "known_hosts"), "[%s]:%s %s", host, port, hostKey),
		write(filepath.Join(ssh, "config"), "Host %s\n  HostName %s\n  Port %s\n  User %s\n", s.Host, host, port, me.Username),
	)
}

func write(file, format string, args ...any) error {
	return os.WriteFile(file, fmt.Appendf(nil, format, args...), 0o600)
}

// answers returns when the server does.
func (s *Sshd) answers(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, s.Stop())
		case <-again.C:
		}
	}
}

// Address is that of a folder by way of the server.
func (s *Sshd) Address(dir string) string { return "ssh://" + s.Host + dir }

// Stop ends the server; who is logged in stays so.
func (s *Sshd) Stop() error {
	if err := s.cmd.Process.Kill(); err != nil {
		return err
	}
	if err := s.cmd.Wait(); err != nil && !strings.Contains(err.Error(), "killed") {
		return fmt.Errorf("sshd: %w\n%s", err, s.log.String())
	}
	return nil
}
