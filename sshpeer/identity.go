package sshpeer

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"
)

// The files of the pair, in the form that ssh-keygen writes.
const (
	privateFile = "key"
	publicFile  = "key.pub"
)

// An Identity is a replica's own key pair and name.
type Identity struct {
	name   string
	key    Key
	signer ssh.Signer
}

// LoadIdentity reads the pair in dir, and makes it first if there is none. Two processes that make it at
// once end with the same pair. name is the replica's: the comment of its key.
func LoadIdentity(dir, name string) (*Identity, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, privateFile)
	text, err := readPrivate(file)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makePrivate(dir, name); err == nil {
			text, err = readPrivate(file)
		}
	}
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil, &fs.PathError{Op: "read key", Path: file, Err: err}
	}
	key, err := keyOf(signer.PublicKey())
	if err != nil {
		return nil, &fs.PathError{Op: "read key", Path: file, Err: err}
	}
	id := &Identity{name: name, key: key, signer: signer}
	return id, id.writePublic(filepath.Join(dir, publicFile))
}

// Key is the public half.
func (id *Identity) Key() Key { return id.key }

// AuthorizedKey is the one line that makes this replica a member elsewhere.
func (id *Identity) AuthorizedKey() string { return id.key.String() + " " + id.name }

// readPrivate refuses a private key that others on the machine can read, as ssh does.
func readPrivate(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, &fs.PathError{Op: "read key", Path: file,
			Err: fmt.Errorf("mode %04o lets others read it; chmod 600 it, or remove it with %s for a new pair",
				info.Mode().Perm(), publicFile)}
	}
	return io.ReadAll(io.LimitReader(f, 1<<16))
}

// makePrivate draws a pair and puts its private half in place unless another process was first: link(2)
// never replaces.
func makePrivate(dir, name string) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, name)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	temp, err := writeTemp(dir, pem.EncodeToMemory(block), 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	if err := os.Link(temp, filepath.Join(dir, privateFile)); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

// writePublic brings key.pub in line with the pair and the name.
func (id *Identity) writePublic(file string) error {
	want := id.AuthorizedKey() + "\n"
	if have, err := os.ReadFile(file); err == nil && string(have) == want {
		return nil
	}
	return replaceFile(file, []byte(want), 0o644)
}
