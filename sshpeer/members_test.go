package sshpeer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestMembersAreKept(t *testing.T) {
	a, b := newStation(t, "a"), newStation(t, "b")
	file := filepath.Join(t.TempDir(), "members.toml")
	want := []Member{
		{Name: "home", Keys: []Key{a.id.Key()}, Address: Address{Host: "::1", Port: "7000"}},
		{Name: "work.2", Keys: []Key{b.id.Key()}, Address: Address{SSH: true, User: "me", Host: "h", Path: "/a b"}, Command: "/opt/syncfs"},
	}
	ms, err := OpenMembers(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []Member{want[1], want[0]} {
		if err := ms.Put(m); err != nil {
			t.Fatal(err)
		}
	}
	again, err := OpenMembers(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.List(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read again: %+v, %v", got, err)
	}
	if m, err := again.ByKey(b.id.Key()); err != nil || m.Name != "work.2" {
		t.Errorf("by key: %+v, %v", m, err)
	}
	if err := ms.Remove("home"); err != nil {
		t.Fatal(err)
	}
	if _, err := again.Get("home"); !errors.Is(err, ErrNotMember) {
		t.Errorf("another process still knows a removed member: %v", err)
	}
	if err := ms.Remove("home"); !errors.Is(err, ErrNotMember) {
		t.Errorf("removed twice: %v", err)
	}
}

func TestMembersRefuse(t *testing.T) {
	s := newStation(t, "a")
	key := s.id.Key()
	s.admits("home", key, "")
	for _, m := range []Member{
		{Name: ""}, {Name: "a/b"}, {Name: "ä"}, {Name: strings.Repeat("x", 33)},
		{Name: "other", Keys: []Key{key}},
		{Name: "other", Keys: []Key{{}}},
		{Name: "other", Command: "x"},
		{Name: "other", Command: "a\nb", Address: Address{SSH: true, Host: "h", Path: "/x"}},
	} {
		if err := s.members.Put(m); err == nil {
			t.Errorf("Put(%+v) was taken", m)
		}
	}
	if list, err := s.members.List(); err != nil || len(list) != 1 {
		t.Errorf("afterwards: %v, %v", list, err)
	}
}

func TestUnreadableMembersLetNobodyIn(t *testing.T) {
	a, b, atA, _ := pair(t)
	if err := os.WriteFile(b.members.file, []byte("[[member]]\nname = 'a'\nsurprise = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := b.members.List(); err == nil || !strings.Contains(err.Error(), "surprise") {
		t.Errorf("a file with an unknown key: %v", err)
	}
	if _, err := a.dialer.Dial(bounded(t), "b"); !errors.Is(err, ErrNotMember) {
		t.Errorf("dial: %v", err)
	}
	if err := b.members.Put(Member{Name: "c"}); err == nil {
		t.Error("a change was made to a file that cannot be read")
	}
	if atA.Err() != nil {
		t.Errorf("an open connection was cut: %v", atA.Err())
	}
}

func FuzzMembers(f *testing.F) {
	f.Add("[[member]]\nname = 'a'\nkeys = ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1dZ0Kqn0zpp2fvJ7rXrHjVjRSM0rGyAQ0qjtq9Fq2c']\naddress = 'h:1'\n")
	f.Add("[[member]]\nname = 'b.c'\naddress = 'ssh://h/x'\ncommand = 'y'\n")
	f.Add("[[member]]\nname = 'c'\nkeys = []")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseMembers([]byte(text))
		if err != nil {
			return
		}
		var out strings.Builder
		if err := toml.NewEncoder(&out).Encode(membersFile{list}); err != nil {
			t.Fatal(err)
		}
		again, err := parseMembers([]byte(out.String()))
		if err != nil || fmt.Sprintf("%q", again) != fmt.Sprintf("%q", list) { // no keys are none, nil or empty
			t.Errorf("%+v was written as %q, read as %+v, %v", list, out.String(), again, err)
		}
	})
}
