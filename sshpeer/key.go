package sshpeer

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// maxKeyLine bounds one authorized_keys line.
const maxKeyLine = 4096

// A Key is a replica's public key: ed25519. Keys compare with ==; the zero Key is none.
type Key struct {
	blob string // as on the wire
}

// ParseKey reads one authorized_keys line. Its comment is dropped; a line with options, a certificate or
// any other kind of key is refused.
func ParseKey(line string) (Key, error) {
	if len(line) > maxKeyLine {
		return Key{}, fmt.Errorf("key: a line of %d bytes, more than %d", len(line), maxKeyLine)
	}
	pub, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return Key{}, errors.New("key: want one line such as `syncfs key` prints: ssh-ed25519 AAAA... NAME")
	}
	if len(options) > 0 {
		return Key{}, errors.New("key: a line with options; want only: ssh-ed25519 AAAA... NAME")
	}
	if strings.TrimSpace(string(rest)) != "" {
		return Key{}, errors.New("key: more than one line")
	}
	return keyOf(pub)
}

// keyOf is the Key of pub, if it is of the one kind that replicas have.
func keyOf(pub ssh.PublicKey) (Key, error) {
	if pub.Type() != ssh.KeyAlgoED25519 {
		return Key{}, fmt.Errorf("key: of type %s; a replica's key is %s", pub.Type(), ssh.KeyAlgoED25519)
	}
	return Key{blob: string(pub.Marshal())}, nil
}

// IsZero reports whether k is no key.
func (k Key) IsZero() bool { return k.blob == "" }

// String is k as authorized_keys has it, without comment.
func (k Key) String() string {
	if pub := k.public(); pub != nil {
		return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(pub)))
	}
	return "no key"
}

// Fingerprint is k as people compare it: SHA256 and base64, as ssh-keygen -l has it.
func (k Key) Fingerprint() string {
	if pub := k.public(); pub != nil {
		return ssh.FingerprintSHA256(pub)
	}
	return "no key"
}

func (k Key) public() ssh.PublicKey {
	pub, err := ssh.ParsePublicKey([]byte(k.blob))
	if err != nil {
		return nil
	}
	return pub
}

// MarshalText and UnmarshalText store a Key as its line.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *Key) UnmarshalText(text []byte) error {
	parsed, err := ParseKey(string(text))
	if err != nil {
		return err
	}
	*k = parsed
	return nil
}
