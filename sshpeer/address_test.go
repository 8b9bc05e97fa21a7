package sshpeer

import (
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for s, want := range map[string]Address{
		"host:7000":                   {Host: "host", Port: "7000"},
		"[::1]:7000":                  {Host: "::1", Port: "7000"},
		"ssh://host/data":             {SSH: true, Host: "host", Path: "/data"},
		"ssh://me@host:2222/a%20b/'c": {SSH: true, User: "me", Host: "host", Port: "2222", Path: "/a b/'c"},
		"ssh://[::1]/data":            {SSH: true, Host: "::1", Path: "/data"},
		"ssh://host/~/Sync":           {SSH: true, Host: "host", Path: "Sync"},
	} {
		got, err := ParseAddress(s)
		if err != nil || got != want {
			t.Errorf("ParseAddress(%q) = %+v, %v", s, got, err)
		}
		if again, err := ParseAddress(got.String()); err != nil || again != got {
			t.Errorf("%q is written %q, read as %+v, %v", s, got, again, err)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	for _, s := range []string{
		"", "host", "host:", ":7000", "host:0", "host:65536", "host:x", "host:07", "-o:22", "a b:1", "$(x):1",
		"http://host/x", "ssh://host", "ssh://host/", "ssh:///x", "ssh://me:secret@host/x", "ssh://-l@host/x",
		"ssh://a;b@host/x", "ssh://host/x?y", "ssh://host/x#y", "ssh://host/a%00b", "ssh://host/a%0ab", "ssh://host:99999/x",
		"ssh://-oProxyCommand=x/x", strings.Repeat("a", 5000) + ":1",
	} {
		if a, err := ParseAddress(s); err == nil {
			t.Errorf("ParseAddress(%q) = %+v", s, a)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"host:7000", "[::1]:7000", "ssh://me@host:22/a%20b", "ssh://host/~/x", "ssh://[fe80::1%25eth0]/x",
		"ssh://::/x", "ssh://host/" + strings.Repeat("\x8b", maxAddress/2)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		again, err := ParseAddress(a.String())
		if err != nil || again != a {
			t.Errorf("%q is %+v, written %q, read as %+v, %v", s, a, a, again, err)
		}
	})
}
