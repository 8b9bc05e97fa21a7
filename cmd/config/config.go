// Package config is .syncfs/config.toml: how a replica is run. The first mount writes it; after that it
// is the user's to edit, and a flag of a later mount holds for that run alone.
//
// Unknown keys are refused, so that a slip of the pen is not taken for a default.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Name is the name of the file in .syncfs.
const Name = "config.toml"

// DefaultInterval is how often a replica begins a session with each peer when nothing else is said.
const DefaultInterval = Interval(15 * time.Second)

// A Config says how a replica is run.
type Config struct {
	Name     string   `toml:"name"`
	Listen   string   `toml:"listen,omitempty"`   // host:port of the embedded SSH server; empty: none
	Interval Interval `toml:"interval"`           // between sessions that this replica begins
	Schedule string   `toml:"schedule,omitempty"` // a cron expression, instead of the interval
	ReadOnly bool     `toml:"read_only,omitempty"`
}

// An Interval is a duration, or Off: the replica then begins no session by itself.
type Interval time.Duration

// Off is written "off".
const Off Interval = -1

// UnmarshalText reads "15s", "2m30s" or "off".
func (i *Interval) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*i = Off
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d <= 0 {
		return fmt.Errorf("interval %q: want a duration such as 15s, or off", text)
	}
	*i = Interval(d)
	return nil
}

// MarshalText is the inverse of UnmarshalText.
func (i Interval) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// String is the text form.
func (i Interval) String() string {
	if i == Off {
		return "off"
	}
	return time.Duration(i).String()
}

// Set and Type make an Interval a flag.
func (i *Interval) Set(s string) error { return i.UnmarshalText([]byte(s)) }

// Type names the value in help texts.
func (i *Interval) Type() string { return "duration|off" }

// Read is what the file in the directory state says; fs.ErrNotExist if there is none.
func Read(state string) (Config, error) {
	path := filepath.Join(state, Name)
	c := Config{Interval: DefaultInterval}
	about, err := toml.DecodeFile(path, &c)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return c, err
		}
		return c, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	if unknown := about.Undecoded(); len(unknown) > 0 {
		err := fmt.Errorf("%q is no key of it; known are name, listen, interval, schedule and read_only", unknown[0])
		return c, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return c, nil
}

const header = "# How this replica is run: see the manual of syncfs. Read at mount.\n\n"

// Write puts the file in place, whole.
func Write(state string, c Config) error {
	var b bytes.Buffer
	b.WriteString(header)
	if err := toml.NewEncoder(&b).Encode(c); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	path := filepath.Join(state, Name)
	if err := os.WriteFile(path+".new", b.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// HostName is a replica name made of what the machine is called.
func HostName() string {
	host, _ := os.Hostname()
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("._-", r):
			return r
		}
		return '-'
	}, host)
	if name == "" {
		return "replica"
	}
	return name[:min(len(name), 32)]
}
