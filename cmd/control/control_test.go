package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
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

// Files that a command hands over are used until the daemon is done with them, or the command has ended.
func TestHandOver(t *testing.T) {
	runtimeDir(t)
	folder := t.TempDir()
	serve(t, folder, &Server{Takers: map[string]Taker{
		"echo": func(_ context.Context, files []*os.File) error {
			_, err := io.Copy(files[1], files[0])
			return err
		},
		"wait": func(ctx context.Context, files []*os.File) error {
			files[1].Write([]byte("w")) //nolint:errcheck // the test finds out
			<-ctx.Done()
			files[1].Write([]byte("over")) //nolint:errcheck // the test finds out
			return nil
		},
	}})
	in, out := pipe(t), pipe(t)
	if _, err := in.w.WriteString("ping"); err != nil {
		t.Fatal(err)
	}
	in.w.Close()
	if err := dial(t, folder).HandOver(t.Context(), "echo", in.r, out.w); err != nil {
		t.Fatal(err)
	}
	out.w.Close()
	if got, err := io.ReadAll(out.r); err != nil || string(got) != "ping" {
		t.Errorf("got %q, %v", got, err)
	}

	in, out = pipe(t), pipe(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- dial(t, folder).HandOver(ctx, "wait", in.r, out.w) }()
	if _, err := io.ReadFull(out.r, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("called off: %v", err)
	}
	out.w.Close()
	if got, err := io.ReadAll(out.r); err != nil || string(got) != "over" {
		t.Errorf("got %q, %v", got, err)
	}

	if err := dial(t, folder).HandOver(t.Context(), "fly", in.r, out.r); err == nil {
		t.Error("an unknown request was answered")
	}
	if err := dial(t, folder).HandOver(t.Context(), "echo", in.r, in.w, out.r); err == nil {
		t.Error("three files were taken")
	}
}

// Who hands over more files than a request has is refused at once, and none is kept, however many requests they come with.
func TestHandOverTooMany(t *testing.T) {
	runtimeDir(t)
	folder := t.TempDir()
	serve(t, folder, &Server{})
	for _, at := range []int{1, 2, 3} {
		c, p := dial(t, folder), pipe(t)
		for range 3 {
			if err := sendFiles(c.conn, []byte("{"), slices.Repeat([]*os.File{p.w}, at)); err != nil {
				break // it has been refused meanwhile
			}
		}
		p.w.Close()
		if err := p.r.SetReadDeadline(time.Now().Add(requestTime / 2)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(p.r); err != nil {
			t.Errorf("%d at once: the file is kept: %v", at, err)
		}
		var r reply
		if line, err := readLine(c.in, maxReply); err != nil || json.Unmarshal(line, &r) != nil || r.Error != errTooMany.Error() {
			t.Errorf("%d at once: %q, %v", at, line, err)
		}
	}
}

// A daemon that fails with files handed over says so, and one that ends in the midst of it is not taken for done.
func TestHandOverFails(t *testing.T) {
	runtimeDir(t)
	folder := t.TempDir()
	serve(t, folder, &Server{Takers: map[string]Taker{
		"fail": func(context.Context, []*os.File) error { return errors.New("refused") },
	}})
	if err := dial(t, folder).HandOver(t.Context(), "fail", pipe(t).r); err == nil || err.Error() != "refused" {
		t.Errorf("it fails: %v", err)
	}

	folder = t.TempDir()
	l, err := Listen(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if _, err := readRequest(bufio.NewReader(conn)); err == nil {
			send(conn, reply{Result: nothing}) //nolint:errcheck // the test finds out
		}
	}()
	if err := dial(t, folder).HandOver(t.Context(), "serve", pipe(t).r); !errors.Is(err, io.EOF) {
		t.Errorf("it dies: %v", err)
	}
}

// Who says nothing in time is given up, and the daemon stays.
func TestReceiverGivesUp(t *testing.T) {
	runtimeDir(t)
	folder := t.TempDir()
	serve(t, folder, &Server{})
	c := dial(t, folder)
	if err := c.conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	r := &receiver{conn: c.conn}
	if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d, %v", n, err)
	}
}

type ends struct{ r, w *os.File }

func pipe(t *testing.T) ends {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return ends{r, w}
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
