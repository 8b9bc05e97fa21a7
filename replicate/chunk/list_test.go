package chunk_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"syncfs/replicate/chunk"
)

func TestListsAreDecodedAsTheyWereEncoded(t *testing.T) {
	for _, size := range []int{0, 1, 100_000, 3 << 20} {
		l := chunk.Bytes(bytesOf(1, size))
		b, _ := l.MarshalBinary()
		got, err := chunk.Unmarshal(b)
		if err != nil || !slices.Equal(got, l) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestListsOutOfBoundsAreRefused(t *testing.T) {
	whole := func(sizes ...int) []byte {
		var l chunk.List
		for _, s := range sizes {
			l = append(l, chunk.Chunk{Size: s})
		}
		b, _ := l.MarshalBinary()
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":         nil,
		"another version": {2},
		"cut short":       whole(1)[:20],
		"empty chunk":     whole(0),
		"long chunk":      whole(chunk.Max + 1),
		"short chunk":     whole(100, 100),
		"huge chunk":      whole(1<<32 - 1),
	} {
		if _, err := chunk.Unmarshal(b); !errors.Is(err, chunk.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	b, _ := chunk.Bytes(bytesOf(1, 200_000)).MarshalBinary()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := chunk.Unmarshal(b)
		if err != nil {
			return
		}
		if again, _ := l.MarshalBinary(); !bytes.Equal(again, b) {
			t.Fatal("two encodings of one list")
		}
		l.Root()
	})
}
