package wire_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"google.golang.org/protobuf/proto"

	"syncfs/replicate/session/wire"
)

func frame(t testing.TB, m proto.Message) []byte {
	b, err := wire.Append(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFramesAreReadAsTheyWereWritten(t *testing.T) {
	for _, size := range []int{0, 100, 1 << 20} {
		m := &wire.States{Items: [][]byte{make([]byte, size)}}
		var got wire.States
		if err := wire.Read(bytes.NewReader(frame(t, m)), &got, 2<<20); err != nil || !proto.Equal(m, &got) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestFramesOutOfBoundsAreRefused(t *testing.T) {
	whole := frame(t, &wire.States{Items: [][]byte{make([]byte, 100_000)}})
	for _, c := range []struct {
		name string
		b    []byte
		want error
	}{
		{"nothing", nil, io.EOF},
		{"cut in its length", whole[:3], io.ErrUnexpectedEOF},
		{"cut in its body", whole[:5_000], io.ErrUnexpectedEOF},
		{"too long", []byte{255, 255, 255, 255}, wire.ErrFrame},
		{"garbage", []byte{0, 0, 0, 3, 255, 255, 255}, wire.ErrFrame},
	} {
		var m wire.States
		if err := wire.Read(bytes.NewReader(c.b), &m, 1<<20); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A peer that announces much and sends nothing costs nothing.
func TestMemoryIsTakenForWhatHasArrived(t *testing.T) {
	allocated := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			var m wire.States
			wire.Read(bytes.NewReader([]byte{1, 0, 0, 0, 1, 2, 3}), &m, 1<<30)
		}
	}).AllocedBytesPerOp()
	if allocated > 64<<10 {
		t.Errorf("%d bytes for an announcement", allocated)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(frame(f, &wire.Message{Kind: &wire.Message_Hello{Hello: &wire.Hello{Version: 1, Name: "home"}}}))
	f.Add(frame(f, &wire.Message{Kind: &wire.Message_States{States: &wire.States{Items: [][]byte{{1}}}}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m wire.Message
		if wire.Read(bytes.NewReader(b), &m, 1<<20) == nil {
			frame(t, &m)
		}
	})
}
