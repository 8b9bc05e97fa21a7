package e2e

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate/session/wire"
	"syncfs/sshpeer"
)

// magic begins the control stream of a session, each way.
const magic = "syncfs\r\n"

// A mallory is a member that means harm: its key is right, and what it says is made by hand.
type mallory struct {
	t      *testing.T
	dialer sshpeer.Dialer
}

func newMallory(t *testing.T, victim *station) *mallory {
	t.Helper()
	dir := t.TempDir()
	id, err := sshpeer.LoadIdentity(dir, "mallory")
	if err != nil {
		t.Fatal(err)
	}
	members, err := sshpeer.OpenMembers(filepath.Join(dir, "members.toml"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := sshpeer.ParseKey(victim.Key())
	if err != nil {
		t.Fatal(err)
	}
	address, err := sshpeer.ParseAddress(victim.listen)
	if err != nil {
		t.Fatal(err)
	}
	if err := members.Put(sshpeer.Member{Name: victim.Name, Keys: []sshpeer.Key{key}, Address: address}); err != nil {
		t.Fatal(err)
	}
	victim.Run("peer", "add", "mallory", "--key", id.AuthorizedKey())
	return &mallory{t, sshpeer.Dialer{Identity: id, Members: members}}
}

// says opens a connection, sends those bytes on its first stream, and gives the reason for which the victim
// refused to go on; "" if it came to a good end.
func (m *mallory) says(victim string, said []byte) (reason string) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := m.dialer.Dial(ctx, victim)
	if err != nil {
		m.t.Fatal(err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	stream, err := conn.Open(ctx)
	if err != nil {
		m.t.Fatal(err)
	}
	go stream.Write(said)
	if _, err := io.ReadFull(stream, make([]byte, len(magic))); err != nil {
		m.t.Fatal(err)
	}
	for {
		var heard wire.Message
		err := wire.Read(stream, &heard, 1<<20)
		switch {
		case ctx.Err() != nil:
			m.t.Fatal("the victim neither refused nor came to an end")
		case err != nil: // it hung up, or speaks in the other protocol too
			return err.Error()
		case heard.GetRefusal() != nil:
			return heard.GetRefusal().Reason
		case heard.GetEnd() != nil:
			return ""
		}
	}
}

// session is a whole session as mallory would have it, that offers those states.
func session(t *testing.T, states ...[]byte) []byte {
	t.Helper()
	vector := version.Vector{666: 1}
	digest := vector.Digest()
	said := []byte(magic)
	for _, m := range []*wire.Message{
		{Kind: &wire.Message_Hello{Hello: &wire.Hello{Version: 2, Oldest: 2, Features: []string{"chunks-1"},
			Name: "mallory", Clock: uint64(time.Now().UnixNano())}}},
		{Kind: &wire.Message_Opening{Opening: &wire.Opening{Digest: digest[:], Rest: &wire.Rest{}}}},
		{Kind: &wire.Message_Knowledge{Knowledge: &wire.Knowledge{Vector: vector.Append(nil)}}},
		{Kind: &wire.Message_States{States: &wire.States{Items: states}}},
		{Kind: &wire.Message_StatesEnd{StatesEnd: &wire.StatesEnd{Count: uint64(len(states))}}},
		{Kind: &wire.Message_End{End: &wire.End{Rest: &wire.Rest{}}}},
	} {
		said = frame(t, said, m)
	}
	return said
}

func frame(t *testing.T, b []byte, m proto.Message) []byte {
	t.Helper()
	b, err := wire.Append(b, m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// state is an item as mallory encodes it: a file of that name, made where nothing checks names.
func state(t *testing.T, name string) []byte {
	t.Helper()
	stand := strings.Repeat("N", len(name))
	dot := version.Dot{Incarnation: 666, Seq: 1}
	at := version.Timestamp{Time: 1, Replica: "mallory"}
	it := &item.Item{
		ID: item.ID{6, 6, 6}, Context: version.Vector{666: 1},
		Entries: map[version.Dot]item.Entry{dot: {Content: &item.Content{Symlink: true, Target: "t", Size: 1, Timestamp: at}}},
		Place:   item.Place{Name: stand, Timestamp: at},
		Meta:    map[string]item.Register{item.Mode: {Value: "644", Timestamp: at}},
	}
	encoded, err := it.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(encoded, []byte(stand)) {
		t.Fatal("the name is not in the encoding as it is")
	}
	return bytes.Replace(encoded, []byte(stand), []byte(name), 1)
}

func TestNamesThatLeadElsewhereAreRefused(t *testing.T) {
	c := newCluster(t, embedded)
	a := c.Mounted("a")[0]
	a.Write("of a", "1")
	m := newMallory(t, a)

	// What mallory says is well-formed: a harmless name is taken.
	if reason := m.says("a", session(t, state(t, "harmless"))); reason != "" {
		t.Fatalf("a good state was refused: %s", reason)
	}
	if !until(patience/10, func() bool { return len(a.Names("")) == 2 }) {
		t.Fatalf("a good state was not taken; names are %q", a.Names(""))
	}
	before := readTree(t, a.Dir)
	for _, name := range []string{"..", ".", "a/b", "/etc", "../up", "x\x00y", ".syncfs"} {
		reason := m.says("a", session(t, state(t, name)))
		if !strings.Contains(reason, "name") {
			t.Errorf("name %q was refused with reason %q", name, reason)
		}
		wantEqual(t, "before", before, "after "+name, readTree(t, a.Dir))
	}
	a.tells("mallory", "name")
	untold := c.Names()
	if strings.Contains(strings.Join(untold, " "), "up") {
		t.Errorf("outside the folder there is now %q", untold)
	}
}

// Names are those beside the stations' folders.
func (c *cluster) Names() (names []string) {
	c.t.Helper()
	found, err := filepath.Glob(filepath.Join(c.dir, "*"))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, f := range found {
		names = append(names, filepath.Base(f))
	}
	return names
}

func TestAMemberThatBreaksTheProtocolIsRefused(t *testing.T) {
	a := newCluster(t, embedded).Mounted("a")[0]
	a.Write("of a", "1")
	m := newMallory(t, a)
	for what, said := range map[string][]byte{
		"another protocol": []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
		"garbage":          append([]byte(magic), bytes.Repeat([]byte{0xff}, 4096)...),
		"a huge frame":     append([]byte(magic), 0x7f, 0xff, 0xff, 0xff),
		"a broken state":   session(t, []byte("not a state")),
		"a later version": frame(t, []byte(magic), &wire.Message{Kind: &wire.Message_Hello{
			Hello: &wire.Hello{Version: 99, Oldest: 98, Name: "mallory", Clock: uint64(time.Now().UnixNano())}}}),
	} {
		if reason := m.says("a", said); reason == "" {
			t.Errorf("%s: not refused", what)
		}
		a.WantNames("", "of a")
		if !until(patience/10, func() bool { return len(a.troubles()) > 0 }) {
			t.Errorf("%s: status tells of no trouble", what)
		}
	}
	a.tells("mallory")
}
