package sshpeer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What one member, and the file of all, may hold.
const (
	maxKeys    = 16
	maxMembers = 1000
	maxCommand = 4096
)

// A Member is a replica that belongs: by its name, the keys it may show, and how it is reached.
type Member struct {
	Name    string  `toml:"name"`
	Keys    []Key   `toml:"keys,omitempty"`
	Address Address `toml:"address,omitempty"`
	Command string  `toml:"command,omitempty"` // what runs syncfs there; "" is "syncfs"
}

// Has reports whether k is one of m's keys.
func (m Member) Has(k Key) bool { return slices.Contains(m.Keys, k) }

func (m Member) check() error {
	if err := checkName(m.Name); err != nil {
		return err
	}
	if len(m.Keys) > maxKeys {
		return fmt.Errorf("member %s: %d keys, more than %d", m.Name, len(m.Keys), maxKeys)
	}
	if slices.Contains(m.Keys, Key{}) {
		return fmt.Errorf("member %s: an empty key", m.Name)
	}
	if len(m.Command) > maxCommand || strings.ContainsFunc(m.Command, isControl) {
		return fmt.Errorf("member %s: the command is one line of at most %d bytes", m.Name, maxCommand)
	}
	if m.Command != "" && !m.Address.SSH {
		return fmt.Errorf("member %s: a command goes with an ssh:// address", m.Name)
	}
	return nil
}

// checkName keeps to the names of replicas: [A-Za-z0-9._-]{1,32}.
func checkName(name string) error {
	unfit := func(r rune) bool { return r >= 0x80 || !strings.ContainsRune("._-", r) && unfitWord(r) }
	if name == "" || len(name) > 32 || strings.ContainsFunc(name, unfit) {
		return fmt.Errorf("name %q: a replica's name is 1 to 32 of A-Z a-z 0-9 . _ -", name)
	}
	return nil
}

// checkAll finds what makes a list of members ambiguous: one name twice, or one key with two of them.
func checkAll(members []Member) error {
	if len(members) > maxMembers {
		return fmt.Errorf("%d members, more than %d", len(members), maxMembers)
	}
	names, keys := map[string]bool{}, map[Key]string{}
	var errs []error
	for _, m := range members {
		if names[m.Name] {
			errs = append(errs, fmt.Errorf("member %s: named twice", m.Name))
		}
		names[m.Name] = true
		errs = append(errs, m.check())
		for _, k := range m.Keys {
			if other, ok := keys[k]; ok {
				errs = append(errs, fmt.Errorf("member %s: key %s is already that of %s", m.Name, k.Fingerprint(), other))
			}
			keys[k] = m.Name
		}
	}
	return errors.Join(errs...)
}
