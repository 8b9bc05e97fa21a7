package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWriteRead(t *testing.T) {
	state := t.TempDir()
	if _, err := Read(state); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("no file: %v", err)
	}
	for _, want := range []Config{
		{Name: "laptop", Interval: DefaultInterval},
		{Name: "laptop", Listen: "127.0.0.1:7022", Interval: Off},
		{Name: "x", Interval: Interval(90 * time.Second), Schedule: "*/5 * * * *", ReadOnly: true},
	} {
		if err := Write(state, want); err != nil {
			t.Fatal(err)
		}
		if got, err := Read(state); err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for text, say := range map[string]string{
		"intervall = \"15s\"": "intervall",
		"interval = \"soon\"": "15s, or off",
		"interval = \"-3s\"":  "15s, or off",
		"name = [":            Name,
	} {
		state := t.TempDir()
		if err := os.WriteFile(filepath.Join(state, Name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(state); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: got %v, want it to say %q", text, err, say)
		}
	}
}
