package sshpeer

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

func TestLoginReachesReplica(t *testing.T) {
	l := newLogin(t)
	l.works("/some/folder")
	l.reach("/with%20space/it's%20$(here)%3B")
	l.works("/with space/it's $(here);")
	l.reach("/~/Sync")
	l.works("Sync")
}

func TestLoginAloneMakesNobodyAMember(t *testing.T) {
	l := newLogin(t)
	if err := l.b.members.Remove("a"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, l.dialError(), ErrNotMember, "peer add a --key")
}

func TestLoginHoldsReplicaToItsOwnKey(t *testing.T) {
	l := newLogin(t)
	l.b.id = newStation(t, "other").id
	l.reach("/some/folder")
	wantKind(t, l.dialError(), ErrChangedKey, "instead of")
}

func TestLoginChecksHostKey(t *testing.T) {
	l := newLogin(t)
	os.Remove(l.ssh("known_hosts"))
	wantKind(t, l.dialError(), ErrUnknownKey, "ssh-keyscan -p "+l.sshd.port, ssh.FingerprintSHA256(l.sshd.hostKey))

	l.knowHost(l.sshd.knownHost(), makeKey(t, l.ssh("elsewhere")))
	wantKind(t, l.dialError(), ErrChangedKey, "ssh-keygen -R '[127.0.0.1]:"+l.sshd.port+"'", "known_hosts:1")

	hashed := knownhosts.HashHostname(l.sshd.knownHost())
	write(t, l.ssh("known_hosts"), hashed+" "+string(ssh.MarshalAuthorizedKey(l.sshd.hostKey)))
	l.works("/some/folder")
	write(t, l.ssh("known_hosts"), hashed+" "+string(ssh.MarshalAuthorizedKey(l.key)))
	wantKind(t, l.dialError(), ErrChangedKey)

	write(t, l.ssh("known_hosts"), "@revoked "+knownhosts.Line([]string{"*"}, l.sshd.hostKey)+"\n")
	wantKind(t, l.dialError(), ErrChangedKey, "revoked")
}

func TestLoginNotesNewHostIfAllowed(t *testing.T) {
	l := newLogin(t)
	for _, value := range []string{"accept-new", "no"} {
		os.Remove(l.ssh("known_hosts"))
		write(t, l.ssh("config"), "StrictHostKeyChecking "+value+"\n")
		l.works("/some/folder")
		write(t, l.ssh("config"), "")
		l.works("/some/folder")

		write(t, l.ssh("config"), "StrictHostKeyChecking "+value+"\n")
		l.knowHost(l.sshd.knownHost(), l.key)
		wantKind(t, l.dialError(), ErrChangedKey)
	}
}

func TestLoginRefused(t *testing.T) {
	l := newLogin(t)
	l.sshd.lets(l.b.id.signer.PublicKey())
	wantKind(t, l.dialError(), ErrLogin, "id_ed25519", "ssh-copy-id")
	os.Remove(l.ssh("id_ed25519"))
	wantKind(t, l.dialError(), ErrLogin, "none was found")
}

func TestLoginTellsWhatTheCommandSaid(t *testing.T) {
	l := newLogin(t)
	l.command("/x", "no-such-syncfs")
	wantKind(t, l.dialError(), ErrNoReplica, "not found", "--command")
	l.reach("/nothing")
	wantKind(t, l.dialError(), ErrNoReplica, "/nothing: not a replica", "status 1")
	l.command("/x", "cat /etc/passwd; :")
	wantKind(t, l.dialError(), ErrNoReplica)
	l.command("/x", "exit 0;")
	wantKind(t, l.dialError(), ErrNoReplica, "ended")
}

func TestNoiseOfTheLoginShellDoesNoHarm(t *testing.T) {
	l := newLogin(t)
	m, err := l.a.members.Get("b")
	if err != nil {
		t.Fatal(err)
	}
	l.command("/some/folder", "echo Welcome back; "+m.Command)
	l.works("/some/folder")
}

func TestLoginAsksTheAgent(t *testing.T) {
	l := newLogin(t)
	text, err := os.ReadFile(l.ssh("id_ed25519"))
	if err != nil {
		t.Fatal(err)
	}
	private, err := ssh.ParseRawPrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		t.Fatal(err)
	}
	l.a.dialer.Login.Agent = serveAgent(t, ring)
	os.Remove(l.ssh("id_ed25519"))
	l.works("/some/folder")

	write(t, l.ssh("config"), "IdentitiesOnly yes\n")
	wantKind(t, l.dialError(), ErrLogin)
	write(t, l.ssh("id.pub"), string(ssh.MarshalAuthorizedKey(l.key)))
	write(t, l.ssh("config"), "IdentitiesOnly yes\nIdentityFile ~/.ssh/id.pub\n")
	l.works("/some/folder")
}

func serveAgent(t testing.TB, ring agent.Agent) string {
	t.Helper()
	socket := t.TempDir() + "/agent"
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for nc, err := ln.Accept(); err == nil; nc, err = ln.Accept() {
			go agent.ServeAgent(ring, nc)
		}
	}()
	return socket
}

func TestLoginFollowsConfig(t *testing.T) {
	l := newLogin(t)
	m, err := l.a.members.Get("b")
	if err != nil {
		t.Fatal(err)
	}
	m.Address = Address{SSH: true, Host: "work", Path: "/some/folder"}
	if err := l.a.members.Put(m); err != nil {
		t.Fatal(err)
	}
	os.Rename(l.ssh("id_ed25519"), l.ssh("work key"))
	os.Rename(l.ssh("known_hosts"), l.ssh("hosts"))
	write(t, l.ssh("conf.d/work"), fmt.Sprintf(`
Host other w*k !worm
	HostName 127.0.0.1
	Port = %s
	User %s
	IdentityFile "~/.ssh/work key"
	UserKnownHostsFile %%d/.ssh/hosts
	ConnectTimeout 20
	AddressFamily inet
Host *
	Port 1
	ForwardAgent yes
`, l.sshd.port, l.sshd.user))
	write(t, l.ssh("config"), "Include conf.d/*\n")
	l.works("/some/folder")

	l.knowHost("the-alias", l.sshd.hostKey)
	write(t, l.ssh("config"), "Include conf.d/*\nMatch host work\n\tHostKeyAlias the-alias\n")
	wantKind(t, l.dialError(), ErrUnknownKey, "the-alias")
	os.Rename(l.ssh("known_hosts"), l.ssh("hosts"))
	l.works("/some/folder")
}

func TestLoginThroughAnotherHost(t *testing.T) {
	l := newLogin(t)
	jump := startSSHD(t)
	jump.lets(l.key)
	through := knownhosts.Line([]string{jump.knownHost()}, jump.hostKey) + "\n"
	hosts := through + knownhosts.Line([]string{l.sshd.knownHost()}, l.sshd.hostKey) + "\n"
	direct := func(how string) string {
		return fmt.Sprintf("Host 127.0.0.1\n\t%s\n", how)
	}
	at := fmt.Sprintf("%s@127.0.0.1:%s", jump.user, jump.port)

	write(t, l.ssh("known_hosts"), hosts)
	write(t, l.ssh("config"), direct("ProxyJump "+at))
	wantKind(t, l.dialError(), ErrConfig, "jump hosts") // the jump host is 127.0.0.1 as well: a circle
	jump.answers("127.0.0.2")
	local := fmt.Sprintf("%s@127.0.0.2:%s", jump.user, jump.port)
	through = knownhosts.Line([]string{"[127.0.0.2]:" + jump.port}, jump.hostKey) + "\n"
	hosts = through + knownhosts.Line([]string{l.sshd.knownHost()}, l.sshd.hostKey) + "\n"
	write(t, l.ssh("known_hosts"), hosts)
	write(t, l.ssh("config"), direct("ProxyJump "+local))
	l.works("/some/folder")
	write(t, l.ssh("config"), direct("ProxyJump ssh://"+local+","+local))
	l.works("/some/folder")

	write(t, l.ssh("known_hosts"), strings.Replace(hosts, through, "", 1))
	wantKind(t, l.dialError(), ErrUnknownKey, "127.0.0.2")
	write(t, l.ssh("known_hosts"), through)
	wantKind(t, l.dialError(), ErrUnknownKey, "127.0.0.1")

	write(t, l.ssh("known_hosts"), hosts)
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		t.Fatal(err)
	}
	write(t, l.ssh("config"), direct(fmt.Sprintf("ProxyCommand %s -F none -i %s -o UserKnownHostsFile=%s -p %s -W %%h:%%p %s@127.0.0.2",
		ssh, l.ssh("id_ed25519"), l.ssh("known_hosts"), jump.port, jump.user)))
	l.works("/some/folder")
	write(t, l.ssh("config"), direct("ProxyCommand echo broken >&2; false"))
	wantKind(t, l.dialError(), ErrUnreachable, "ProxyCommand echo")
}

func TestConfigThatCannotBeHonouredIsNamed(t *testing.T) {
	l := newLogin(t)
	for _, line := range []string{
		"BindAddress 10.0.0.1", "CertificateFile x", "CanonicalizeHostname yes", "RemoteCommand top",
		"KnownHostsCommand /bin/true", "Surprise yes", "PKCS11Provider x", "HostName %z", "Match exec true",
		"StrictHostKeyChecking perhaps", "ConnectTimeout soon", "HostName -oProxyCommand=x",
	} {
		write(t, l.ssh("config"), line+"\n")
		word, _, _ := strings.Cut(line, " ")
		if word == "Match" {
			word = "config: "
		}
		wantKind(t, l.dialError(), ErrConfig)
		if err := l.dialError(); !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(word)) &&
			word != "HostName" {
			t.Errorf("%q is refused with: %v", line, err)
		}
	}
	write(t, l.ssh("config"), "IgnoreUnknown Surp*\nSurprise yes\nCompression no\nRemoteCommand none\n")
	l.works("/some/folder")
}

func TestLoginThatStallsIsGivenUp(t *testing.T) {
	l := newLogin(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never says a word
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, l.sshd.port, _ = net.SplitHostPort(ln.Addr().String())
	l.reach("/some/folder")
	write(t, l.ssh("config"), "ConnectTimeout 1\n")
	wantKind(t, l.dialError(), ErrUnreachable, "no answer in time")

	ctx, cancel := context.WithCancel(t.Context())
	write(t, l.ssh("config"), "")
	go func() {
		if nc, err := ln.Accept(); err == nil {
			nc.Read(make([]byte, 1))
			cancel()
		}
	}()
	_, err = l.a.dialer.Dial(ctx, "b")
	wantKind(t, err, ErrUnreachable)
}
