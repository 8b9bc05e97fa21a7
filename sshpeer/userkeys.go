package sshpeer

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// userKeys are the user's own keys for a login, in the order in which ssh offers them.
type userKeys struct {
	signers []ssh.Signer
	names   []string // of signers, to show
	passed  []string // what could not be used, and why
	agent   net.Conn // may be nil
	offered bool
}

func (k *userKeys) close() {
	if k.agent != nil {
		_ = k.agent.Close() // only asked for signatures
	}
}

// offer is the callback of the SSH library.
func (k *userKeys) offer() ([]ssh.Signer, error) {
	k.offered = true
	return k.signers, nil
}

func (k *userKeys) String() string {
	text := "none was found"
	if len(k.names) > 0 {
		text = "tried " + strings.Join(k.names, ", ")
	}
	if len(k.passed) > 0 {
		text += "; could not use " + strings.Join(k.passed, ", ")
	}
	return text
}

func (k *userKeys) add(s ssh.Signer, name string) {
	for _, have := range k.signers {
		if bytes.Equal(have.PublicKey().Marshal(), s.PublicKey().Marshal()) {
			return
		}
	}
	k.signers = append(k.signers, s)
	k.names = append(k.names, name)
}

// userKeys collects: the agent's keys that identity files name, the agent's others unless IdentitiesOnly,
// then the files that need no passphrase.
func (l Login) userKeys(ctx context.Context, t *target) *userKeys {
	k := &userKeys{}
	held := k.ask(ctx, t.agent)
	files := k.read(t)
	for _, f := range files {
		if s := held[string(f.public.Marshal())]; s != nil {
			k.add(s, f.name+" (agent)")
		}
	}
	if !t.identitiesOnly {
		for _, s := range held {
			k.add(s, ssh.FingerprintSHA256(s.PublicKey())+" (agent)")
		}
	}
	for _, f := range files {
		switch {
		case f.signer != nil:
			k.add(f.signer, f.name)
		case held[string(f.public.Marshal())] == nil:
			k.passed = append(k.passed, f.name+" (it needs its passphrase; ssh-add it)")
		}
	}
	return k
}

// ask gives the agent's keys by their public halves.
func (k *userKeys) ask(ctx context.Context, socket string) map[string]ssh.Signer {
	if socket == "" {
		return nil
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		k.passed = append(k.passed, "the agent ("+err.Error()+")")
		return nil
	}
	k.agent = nc
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	signers, err := agent.NewClient(nc).Signers()
	if err != nil {
		k.passed = append(k.passed, "the agent ("+err.Error()+")")
		return nil
	}
	held := map[string]ssh.Signer{}
	for _, s := range signers {
		held[string(s.PublicKey().Marshal())] = s
	}
	return held
}

// An identity is a key file. signer is nil if it needs a passphrase or holds the public half alone.
type identityFile struct {
	name   string
	public ssh.PublicKey
	signer ssh.Signer
}

func (k *userKeys) read(t *target) []identityFile {
	var files []identityFile
	for _, name := range t.identities {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) && !t.named {
			continue
		}
		f := identityFile{name: name}
		if err == nil {
			err = f.parse(text)
		}
		if err != nil {
			k.passed = append(k.passed, name+" ("+err.Error()+")")
			continue
		}
		files = append(files, f)
	}
	return files
}

func (f *identityFile) parse(text []byte) (err error) {
	if f.public, _, _, _, err = ssh.ParseAuthorizedKey(text); err == nil {
		return nil
	}
	f.signer, err = ssh.ParsePrivateKey(text)
	var missing *ssh.PassphraseMissingError
	switch {
	case err == nil:
		f.public = f.signer.PublicKey()
		return nil
	case !errors.As(err, &missing):
		return err
	case missing.PublicKey != nil:
		f.public = missing.PublicKey
		return nil
	}
	public, err := os.ReadFile(f.name + ".pub")
	if err != nil {
		return errors.New("it needs its passphrase; ssh-add it")
	}
	f.public, _, _, _, err = ssh.ParseAuthorizedKey(public)
	return err
}
