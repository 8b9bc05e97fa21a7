package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

// serve answers for a folder until the test ends.
func serve(t *testing.T, folder string, s *Server) {
	t.Helper()
	s.Logger = slog.New(slog.DiscardHandler)
	l, err := Listen(folder)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func runtimeDir(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("TMPDIR", t.TempDir())
	return dir
}

func dial(t *testing.T, folder string) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), folder, os.Getuid())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestCall(t *testing.T) {
	runtimeDir(t)
	folder := t.TempDir()
	serve(t, folder, &Server{Handlers: map[string]Handler{
		"add": func(_ context.Context, args json.RawMessage, progress func(string)) (any, error) {
			var n []int
			if err := json.Unmarshal(args, &n); err != nil {
				return nil, err
			}
			progress("adding")
			return n[0] + n[1], nil
		},
		"fail": func(context.Context, json.RawMessage, func(string)) (any, error) {
			return nil, errors.New("home: away")
		},
		"wait": func(ctx context.Context, _ json.RawMessage, progress func(string)) (any, error) {
			progress("waiting")
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}})

	var told []string
	var sum int
	err := dial(t, folder).Call(t.Context(), "add", []int{2, 3}, &sum, func(s string) { told = append(told, s) })
	if err != nil || sum != 5 || len(told) != 1 {
		t.Errorf("add: %d, %v, told %q", sum, err, told)
	}

	if err := dial(t, folder).Call(t.Context(), "fail", nil, nil, nil); err == nil || err.Error() != "home: away" {
		t.Errorf("fail: %v", err)
	}
	if err := dial(t, folder).Call(t.Context(), "fly", nil, nil, nil); err == nil {
		t.Error("an unknown request was answered")
	}

	ctx, cancel := context.WithCancel(t.Context())
	err = dial(t, folder).Call(ctx, "wait", nil, nil, func(string) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

func TestStream(t *testing.T) {
	runtimeDir(t)
	folder := t.TempDir()
	serve(t, folder, &Server{Streams: map[string]Stream{
		"echo": func(_ context.Context, conn io.ReadWriteCloser) error {
			_, err := io.CopyN(conn, conn, 4)
			return err
		},
	}})
	s, err := dial(t, folder).Stream("echo")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(s, "ping"); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(s); err != nil || string(got) != "ping" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestDialWithoutVariable(t *testing.T) {
	runtimeDir(t)
	folder := t.TempDir()
	serve(t, folder, &Server{})
	t.Setenv("XDG_RUNTIME_DIR", "")
	dial(t, folder)
}

func TestListenRefusesOpenDirectory(t *testing.T) {
	dir := runtimeDir(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := private(dir, os.Getuid()); err == nil {
		t.Error("a directory that others can read was taken")
	}
	if _, err := Dial(t.Context(), t.TempDir(), os.Getuid()); !errors.Is(err, ErrNone) {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestAnswerGarbage(t *testing.T) {
	runtimeDir(t)
	folder := t.TempDir()
	serve(t, folder, &Server{})
	c := dial(t, folder)
	if _, err := io.WriteString(c.conn, "garbage\n"); err != nil {
		t.Fatal(err)
	}
	c.conn.CloseWrite() //nolint:errcheck // the answer tells
	got, err := io.ReadAll(c.conn)
	var r reply
	if err != nil || json.Unmarshal(got, &r) != nil || r.Error == "" {
		t.Errorf("got %q, %v", got, err)
	}
}
