package sshpeer

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestIdentityIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	keys := make([]Key, 8)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			id, err := LoadIdentity(dir, "laptop")
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = id.Key()
		})
	}
	all.Wait()
	for _, k := range keys {
		if k != keys[0] || k.IsZero() {
			t.Fatalf("keys differ: %v", keys)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left in the directory: %v, %v", entries, err)
	}
	info, err := os.Stat(filepath.Join(dir, "key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the key: %v, %v", info.Mode(), err)
	}
	line, err := os.ReadFile(filepath.Join(dir, "key.pub"))
	if err != nil || string(line) != keys[0].String()+" laptop\n" {
		t.Errorf("key.pub: %q, %v", line, err)
	}
}

func TestIdentityThatOthersCanReadIsRefused(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadIdentity(dir, "laptop"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "key"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadIdentity(dir, "laptop"); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read: %v", err)
	}
}

func TestParseKey(t *testing.T) {
	id, err := LoadIdentity(t.TempDir(), "a")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{id.AuthorizedKey(), id.Key().String(), "  " + id.AuthorizedKey() + " more words\n"} {
		if k, err := ParseKey(line); err != nil || k != id.Key() {
			t.Errorf("ParseKey(%q) = %v, %v", line, k, err)
		}
	}
	for _, line := range []string{
		"", "x", "ssh-ed25519", "ssh-ed25519 AAAA",
		`command="rm" ` + id.AuthorizedKey(),
		id.AuthorizedKey() + "\n" + id.AuthorizedKey(),
		id.AuthorizedKey() + strings.Repeat("x", maxKeyLine),
		"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQC7vbqajDRETQ+Wl3XpYDgPsYMXD8pK3y9XFDx8gBqEXAMPLEEXAMPLE",
	} {
		if k, err := ParseKey(line); err == nil {
			t.Errorf("ParseKey(%q) = %v", line, k)
		}
	}
}
