package session_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate/chunk"
	"syncfs/replicate/session"
	"syncfs/replicate/session/sessiontest"
	"syncfs/replicate/session/wire"
)

const magic = "syncfs\r\n"

func frames(messages ...proto.Message) []byte {
	var b []byte
	for _, m := range messages {
		if h, ok := m.(*wire.Hello); ok {
			m = &wire.Message{Kind: &wire.Message_Hello{Hello: h}}
		}
		b, _ = wire.Append(b, m)
	}
	return b
}

func hello() *wire.Hello {
	return &wire.Hello{Version: 2, Oldest: 2, Features: []string{"chunks-1"}, Name: "mallory", Clock: uint64(time.Now().UnixNano())}
}

func opening(wanted uint64) *wire.Message {
	return &wire.Message{Kind: &wire.Message_Opening{Opening: &wire.Opening{Digest: []byte("another"), Rest: &wire.Rest{Wanted: wanted}}}}
}

func knowledge(b []byte) *wire.Message {
	return &wire.Message{Kind: &wire.Message_Knowledge{Knowledge: &wire.Knowledge{Vector: b}}}
}

func states(items ...[]byte) *wire.Message {
	return &wire.Message{Kind: &wire.Message_States{States: &wire.States{Items: items}}}
}

func statesEnd(n uint64) *wire.Message {
	return &wire.Message{Kind: &wire.Message_StatesEnd{StatesEnd: &wire.StatesEnd{Count: n}}}
}

// state is the state of a file that holds what nobody has.
func state(size int64) []byte {
	it := item.New(item.ID{1}, false)
	d := version.Dot{Incarnation: 7, Seq: 1}
	it.Context[7] = 1
	it.Place.Name = "f"
	it.Entries[d] = item.Entry{Content: &item.Content{Root: chunk.Bytes([]byte("other")).Root(), Size: size}}
	b, err := it.MarshalBinary()
	if err != nil {
		panic(err)
	}
	return b
}

// attack lets mallory dial a replica and write bytes to the control stream. It returns what the replica
// told mallory last and what it says of it.
func attack(t *testing.T, control []byte) (told string, err error) {
	victim := sessiontest.NewReplica("victim")
	victim.Write("mine", []byte("precious"))
	p := sessiontest.NewPipe("mallory", "victim", 64)
	v := serve(t, p.B, victim, session.Options{Name: "victim"})
	s, err := p.A.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	go s.Write(control)
	answered := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(s)
		answered <- b
	}()
	select {
	case err = <-v.over:
	case <-time.After(eventually):
		t.Fatal("it goes on")
	}
	if files := victim.Files(); files["mine"] != "precious" {
		t.Errorf("files are %v", files)
	}
	p.A.Close()
	return lastRefusal(<-answered), err
}

func lastRefusal(b []byte) string {
	r := bytes.NewReader(bytes.TrimPrefix(b, []byte(magic)))
	for told := ""; ; {
		var m wire.Message
		if wire.Read(r, &m, 1<<20) != nil {
			return told
		}
		told = m.GetRefusal().GetReason()
	}
}

func TestHostilePeersAreToldApart(t *testing.T) {
	greeting := append([]byte(magic), frames(hello())...)
	with := func(change func(*wire.Hello)) []byte {
		h := hello()
		change(h)
		return append([]byte(magic), frames(h)...)
	}
	after := func(m ...proto.Message) []byte { return append(bytes.Clone(greeting), frames(m...)...) }
	seen := version.Vector{7: 1}.Append(nil)
	for _, c := range []struct {
		name string
		sent []byte
		want error
		says string
	}{
		{"another protocol", []byte("SSH-2.0-OpenSSH_9.2\r\n"), session.ErrProtocol, `"SSH-2.0-"`},
		{"a later version", with(func(h *wire.Hello) { h.Version, h.Oldest = 9, 8 }), session.ErrVersion, "the peer 8 to 9"},
		{"an older version", with(func(h *wire.Hello) { h.Version, h.Oldest = 0, 0 }), session.ErrVersion, "upgrade"},
		{"other chunks", with(func(h *wire.Hello) { h.Features = []string{"chunks-2"} }), session.ErrVersion, "chunks-2"},
		{"a huge hello", append([]byte(magic), 0, 16, 0, 0), session.ErrProtocol, "4096 is the most"},
		{"no hello", append([]byte(magic), frames(opening(0))...), session.ErrProtocol, "Opening out of turn"},
		{"two hellos", after(hello()), session.ErrProtocol, "Hello out of turn"},
		{"a huge message", append(bytes.Clone(greeting), 255, 255, 255, 255), session.ErrProtocol, "4294967295 bytes"},
		{"garbage", append(bytes.Clone(greeting), 0, 0, 0, 2, 255, 255), session.ErrProtocol, "malformed frame"},
		{"an unknown message", append(bytes.Clone(greeting), 0, 0, 0, 3, 0xfa, 0x06, 0), session.ErrProtocol, "out of turn"},
		{"states at once", after(states(state(5))), session.ErrProtocol, "out of turn"},
		{"no knowledge", after(opening(0), statesEnd(0)), session.ErrProtocol, "out of turn"},
		{"garbled knowledge", after(opening(0), knowledge([]byte{200, 1, 2})), session.ErrProtocol, "knowledge"},
		{"an absurd vector", after(opening(0), knowledge(binary.AppendUvarint(nil, 1<<40))), session.ErrProtocol, "is the most"},
		{"a garbled state", after(opening(0), knowledge(seen), states([]byte("???"))), session.ErrProtocol, "state"},
		{"too few states", after(opening(0), knowledge(seen), states(state(5)), statesEnd(2)), session.ErrProtocol, "1 states came of 2"},
		{"dots never drawn", after(opening(0), knowledge(victims()), statesEnd(0)), nil, "this replica's own"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told, err := attack(t, c.sent)
				if c.want != nil {
					wantError(t, err, c.want)
				}
				if !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "mallory") {
					t.Errorf("%q doesn't say %q", err, c.says)
				}
				said := strings.ReplaceAll(err.Error(), "\u00a0", " ") // protobuf's way to keep its errors from being relied on
				if told == "" || !strings.Contains(said, told) {
					t.Errorf("mallory was told %q of %q", told, err)
				}
			})
		})
	}
}

// victims is a vector with dots of the victim's own that it never drew.
func victims() []byte {
	victim := sessiontest.NewReplica("victim")
	victim.Write("mine", nil)
	v := victim.Knowledge()
	for i := range v {
		v[i] += 1000
	}
	return v.Append(nil)
}

// liar is a replica that sends other bytes than it is asked for.
type liar struct {
	*sessiontest.Replica
	content, chunk []byte
}

func (l liar) ReadContent(ctx context.Context, h item.Hash) ([]byte, error) {
	if b, err := l.Replica.ReadContent(ctx, h); l.content == nil || err != nil {
		return b, err
	}
	return l.content, nil
}

func (l liar) ReadChunk(ctx context.Context, h item.Hash) ([]byte, error) {
	b, err := l.Replica.ReadChunk(ctx, h)
	if l.chunk == nil || err != nil {
		return b, err
	}
	return append(l.chunk[:len(l.chunk):len(l.chunk)], b[len(l.chunk):]...), nil
}

func TestOtherContentThanAskedForIsRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		size int
		liar liar
		want error
	}{
		{"small content", 100, liar{content: make([]byte, 100)}, session.ErrContent},
		{"short content", 100, liar{content: make([]byte, 10)}, session.ErrContent},
		{"long content", 100, liar{content: make([]byte, 101)}, session.ErrProtocol},
		{"chunk", 1 << 20, liar{chunk: []byte("lies")}, session.ErrContent},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.liar.Replica = sessiontest.NewReplica("mallory")
			c.liar.Write("f", data(1, c.size))
			victim := sessiontest.NewReplica("victim")
			p := sessiontest.NewPipe("mallory", "victim", 0)
			m := serve(t, p.A, c.liar, session.Options{Name: "mallory", Dialed: true})
			v := serve(t, p.B, victim, session.Options{Name: "victim"})
			if _, err := m.Run(t.Context()); !errors.Is(err, session.ErrRefused) {
				t.Error(err)
			}
			wantError(t, <-v.over, c.want)
			if files := victim.Files(); files["f"] != "" {
				t.Error("it was taken")
			}
		})
	}
}

func TestContentStreamsAreBounded(t *testing.T) {
	long := func(n, length int) [][]byte {
		var hashes [][]byte
		for range n {
			hashes = append(hashes, make([]byte, length))
		}
		return hashes
	}
	contents := func(roots [][]byte) []byte {
		return frames(&wire.Request{Kind: &wire.Request_Contents{Contents: &wire.Contents{Roots: roots}}})
	}
	for name, sent := range map[string][]byte{
		"a huge request":     {255, 0, 0, 0},
		"too many things":    contents(long(257, 32)),
		"a short hash":       contents(long(1, 31)),
		"an unknown request": frames(&wire.Request{}),
		"a hash for a root":  frames(&wire.Request{Kind: &wire.Request_Nodes{Nodes: &wire.Nodes{Root: []byte("short")}}}),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := sessiontest.NewPipe("mallory", "victim", 64)
				v := serve(t, p.B, sessiontest.NewReplica("victim"), session.Options{Name: "victim"})
				control, _ := p.A.Open(t.Context())
				control.Write(append([]byte(magic), frames(hello())...))
				go io.Copy(io.Discard, control)
				s, _ := p.A.Open(t.Context())
				s.Write(sent)
				wantError(t, <-v.over, session.ErrProtocol)
				p.A.Close()
			})
		})
	}
}

func TestAnswersAreBounded(t *testing.T) {
	answer := func(parts ...*wire.Part) []byte { return frames(&wire.Answer{Parts: parts}) }
	for name, sent := range map[string][]byte{
		"a huge answer":     {255, 0, 0, 0},
		"too many parts":    answer(&wire.Part{Gone: true}, &wire.Part{Gone: true}),
		"no part":           answer(),
		"a huge part":       answer(&wire.Part{Size: 1 << 31}),
		"one more, unasked": append(answer(&wire.Part{Gone: true}), answer(&wire.Part{Gone: true})...),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := sessiontest.NewPipe("mallory", "victim", 64)
				v := serve(t, p.B, sessiontest.NewReplica("victim"), session.Options{Name: "victim"})
				control, _ := p.A.Open(t.Context())
				control.Write(append([]byte(magic), frames(hello())...))
				go io.Copy(io.Discard, control)
				go v.Fetch(t.Context(), session.Want{Root: item.Hash{1}, Size: 1 << 20})
				s, _ := p.A.Accept(t.Context())
				s.Read(make([]byte, 100))
				s.Write(sent)
				wantError(t, <-v.over, session.ErrProtocol)
				p.A.Close()
			})
		})
	}
}

// Whatever a peer sends, on whichever stream: the session ends, with an error that names the peer.
func FuzzSession(f *testing.F) {
	greeting := append([]byte(magic), frames(hello())...)
	seen := version.Vector{7: 1}.Append(nil)
	f.Add(greeting, []byte{})
	f.Add(append(bytes.Clone(greeting), frames(opening(1), knowledge(seen), states(state(5)), statesEnd(1))...),
		frames(&wire.Request{Kind: &wire.Request_Contents{Contents: &wire.Contents{Roots: [][]byte{make([]byte, 32)}}}}))
	f.Fuzz(func(t *testing.T, control, content []byte) {
		victim := sessiontest.NewReplica("victim")
		victim.Write("mine", []byte("precious"))
		p := sessiontest.NewPipe("mallory", "victim", 4)
		v := serve(t, p.B, victim, session.Options{Name: "victim"})
		for _, b := range [][]byte{control, content} {
			s, err := p.A.Open(t.Context())
			if err != nil {
				break
			}
			go io.Copy(io.Discard, s)
			go func() { s.Write(b); s.Close() }()
		}
		select {
		case err := <-v.over:
			var e *session.Error
			if !errors.As(err, &e) || e.Peer != "mallory" {
				t.Error(err)
			}
		case <-time.After(eventually):
			t.Fatal("it goes on")
		}
		if victim.Files()["mine"] != "precious" {
			t.Error("a file was lost")
		}
	})
}
