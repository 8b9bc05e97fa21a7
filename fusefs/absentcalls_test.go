package fusefs

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"syncfs/journal/signature"
)

// A needing is a call that needs a file which is absent, and that the kernel makes with a lock held.
type needing struct {
	name string
	call func(m *tester, path string) error
	want string // what the file then holds
}

// allNeeding are those calls; some are for root alone.
func allNeeding() []needing {
	all := []needing{
		{"truncate", func(_ *tester, path string) error { return os.Truncate(path, 3) }, "con"},
		{"link", func(m *tester, path string) error { return os.Link(path, m.path("link")) }, "content"},
	}
	if os.Geteuid() != 0 {
		return all
	}
	return append(all,
		needing{"chown", func(_ *tester, path string) error { return os.Chown(path, -1, 65534) }, "content"},
		needing{"setxattr", func(_ *tester, path string) error {
			return unix.Setxattr(path, "trusted.a", []byte("1"), 0)
		}, "content"})
}

// While a call waits for content, steps go on in the directory of the file and above it, and the kernel can be told
// of the file.
func TestAbsentCallKeepsNobodyWaiting(t *testing.T) {
	for _, c := range allNeeding() {
		t.Run(c.name, func(t *testing.T) {
			m, a := startAbsent(t, map[string]string{"d/a": "content"})
			m.must(os.Mkdir(m.path("d"), 0o755))
			asked, come := make(chan struct{}), make(chan struct{})
			a.setFetch(func(ctx context.Context, path, content string) error {
				close(asked)
				select {
				case <-come:
				case <-ctx.Done():
					return ctx.Err()
				}
				_, _, err := m.Place(m.stage("fetched", content), "e/a", signature.Signature{})
				return err
			})
			done := make(chan error, 1)
			go func() { done <- c.call(m, m.path("d/a")) }()
			within(t, "the call does not ask for the content", asked)
			free := make(chan struct{})
			go func() {
				defer close(free)
				m.Invalidate("d/a")
				if _, _, err := m.Place(m.stage("other", "other"), "d/b", signature.Signature{}); err != nil {
					t.Error(err)
				}
				a.mu.Lock()
				a.files["e/a"] = a.files["d/a"]
				delete(a.files, "d/a")
				a.mu.Unlock()
				if _, _, err := m.Move("d", "e", m.signature("d")); err != nil {
					t.Error(err)
				}
			}()
			within(t, "steps wait behind the call", free)
			close(come)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			m.want("e/a", c.want)
		})
	}
}

// What nobody gives ends such a call with EIO, asked for once.
func TestAbsentCallInVain(t *testing.T) {
	for _, c := range allNeeding() {
		t.Run(c.name, func(t *testing.T) {
			m, a := startAbsent(t, map[string]string{"a": "content"})
			var asked atomic.Int64
			a.setFetch(func(context.Context, string, string) error {
				asked.Add(1)
				return errors.New("no peer")
			})
			if err := c.call(m, m.path("a")); !errors.Is(err, unix.EIO) {
				t.Errorf("it ended with %v", err)
			}
			if n := asked.Load(); n != 1 {
				t.Errorf("asked %d times for the content", n)
			}
		})
	}
}

// All else is done without the content, and read back.
func TestAbsentCallWithoutContent(t *testing.T) {
	m, a := startAbsent(t, map[string]string{"a": "content"})
	a.setFetch(func(context.Context, string, string) error {
		t.Error("asked for the content")
		return errors.New("no peer")
	})
	path := m.path("a")
	get := func(name string) string {
		b := make([]byte, 10)
		n, err := unix.Getxattr(path, name, b)
		if err != nil {
			return err.Error()
		}
		return string(b[:n])
	}
	list := func() string {
		b := make([]byte, 100)
		n, err := unix.Listxattr(path, b)
		m.must(err)
		return strings.ReplaceAll(string(b[:n]), "\x00", " ")
	}
	wantIs := func(err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	if l := list(); l != "" {
		t.Errorf("listed at first: %q", l)
	}
	wantIs(unix.Removexattr(path, "user.a"), unix.ENODATA)
	wantIs(unix.Setxattr(path, "user.a", nil, unix.XATTR_REPLACE), unix.ENODATA)
	m.must(unix.Setxattr(path, "user.a", []byte("one"), unix.XATTR_CREATE))
	m.must(unix.Setxattr(path, "user.b", []byte("two"), 0))
	wantIs(unix.Setxattr(path, "user.a", nil, unix.XATTR_CREATE), unix.EEXIST)
	if a, b, l := get("user.a"), get("user.b"), list(); a != "one" || b != "two" || l != "user.a user.b " {
		t.Errorf("user.a %q, user.b %q, listed %q", a, b, l)
	}
	_, err := unix.Getxattr(path, "user.a", make([]byte, 2))
	wantIs(err, unix.ERANGE)
	if n, err := unix.Getxattr(path, "user.a", nil); n != 3 || err != nil {
		t.Errorf("its length: %d, %v", n, err)
	}
	m.must(unix.Removexattr(path, "user.a"))
	if l := list(); l != "user.b " {
		t.Errorf("listed at last: %q", l)
	}
	m.must(os.Chmod(path, 0o600))
	when := time.Unix(1e9, 5)
	m.must(os.Chtimes(path, when, when))
	m.must(os.Chown(path, os.Getuid(), os.Getgid()))
	st, err := os.Stat(path)
	m.must(err)
	if st.Mode() != 0o600 || !st.ModTime().Equal(when) || st.Size() != 7 {
		t.Errorf("stat: %v %v %d", st.Mode(), st.ModTime(), st.Size())
	}
	m.must(os.Truncate(path, 0))
	m.want("a", "")
}
