package sshpeer

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// A hostKeys judges the host key of one OpenSSH server by known_hosts.
type hostKeys struct {
	t     *target
	name  string // host:port as known_hosts is asked for it
	known ssh.HostKeyCallback
	wrong error // what the last key was refused for
}

func (t *target) hostKeys() (*hostKeys, error) {
	var files []string
	for _, file := range t.hostFiles {
		if _, err := os.Stat(file); err == nil {
			files = append(files, file)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, faultf(ErrConfig, "%v", err)
		}
	}
	known, err := knownhosts.New(files...)
	if err != nil {
		return nil, faultf(ErrConfig, "known_hosts: %v", err)
	}
	h := &hostKeys{t: t, name: t.address(), known: known}
	if t.hostKeyAlias != "" {
		h.name = net.JoinHostPort(t.hostKeyAlias, "22") // an alias stands without a port
	}
	return h, nil
}

// check is the callback of the SSH library.
func (h *hostKeys) check(_ string, _ net.Addr, key ssh.PublicKey) error {
	h.wrong = h.judge(key)
	return h.wrong
}

func (h *hostKeys) judge(key ssh.PublicKey) error {
	err := h.known(h.name, &net.TCPAddr{}, key)
	var mismatch *knownhosts.KeyError
	var revoked *knownhosts.RevokedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &revoked):
		return faultf(ErrChangedKey, "the host key of %s, %s, is marked as revoked in %s:%d", h.name, ssh.FingerprintSHA256(key), revoked.Revoked.Filename, revoked.Revoked.Line)
	case !errors.As(err, &mismatch):
		return faultf(ErrUnknownKey, "the host key of %s: %v", h.name, err)
	case len(mismatch.Want) == 0 && h.t.learn:
		return h.note(key)
	case len(mismatch.Want) == 0:
		return faultf(ErrUnknownKey, "the host key of %s, %s, is in no known_hosts; `ssh -p %s %s@%s` once shows and notes it, or: ssh-keyscan -p %s %s >> ~/.ssh/known_hosts",
			h.name, ssh.FingerprintSHA256(key), h.t.port, h.t.user, h.t.alias, h.t.port, h.t.host)
	}
	was := mismatch.Want[0]
	return faultf(ErrChangedKey, "the host key of %s is %s, not the one at %s:%d: another machine may be posing as it; if its key was really made anew: ssh-keygen -R '%s', then `ssh -p %s %s@%s` once",
		h.name, ssh.FingerprintSHA256(key), was.Filename, was.Line, knownhosts.Normalize(h.name), h.t.port, h.t.user, h.t.alias)
}

// note adds the key of a new host to the user's known_hosts, as StrictHostKeyChecking accept-new does.
func (h *hostKeys) note(key ssh.PublicKey) error {
	file := h.t.hostFiles[0]
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return faultf(ErrConfig, "%v", err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return faultf(ErrConfig, "%v", err)
	}
	_, err = f.WriteString(knownhosts.Line([]string{h.name}, key) + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		return faultf(ErrConfig, "%v", err)
	}
	return nil
}

// algorithms asks the server for a key of a kind that is on record, since any other would look changed.
// Empty leaves the choice to the library.
func (h *hostKeys) algorithms() []string {
	var mismatch *knownhosts.KeyError
	if err := h.known(h.name, &net.TCPAddr{}, noKey{}); !errors.As(err, &mismatch) {
		return nil
	}
	var algorithms []string
	for _, k := range mismatch.Want {
		if k.Key.Type() == ssh.KeyAlgoRSA {
			algorithms = append(algorithms, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		}
		algorithms = append(algorithms, k.Key.Type())
		if authority(k) {
			algorithms = append(slices.Clone(hostCertificates), algorithms...)
		}
	}
	return algorithms
}

var hostCertificates = []string{
	ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
	ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01,
}

// authority reports whether k stands on a line of a certificate authority.
func authority(k knownhosts.KnownKey) bool {
	text, err := os.ReadFile(k.Filename)
	if err != nil {
		return false
	}
	lines := strings.Split(string(text), "\n")
	return k.Line <= len(lines) && strings.HasPrefix(strings.TrimSpace(lines[k.Line-1]), "@cert-authority")
}

// noKey is a key that no file knows.
type noKey struct{}

func (noKey) Type() string                        { return "none" }
func (noKey) Marshal() []byte                     { return nil }
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }
