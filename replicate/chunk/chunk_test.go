package chunk_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"syncfs/journal/change"
	"syncfs/replicate/chunk"
)

// bytesOf returns n bytes that a seed gives.
func bytesOf(seed uint64, n int) []byte {
	b := make([]byte, n)
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	rand.NewChaCha8(key).Read(b)
	return b
}

// The parameters are part of the format: these roots are what every replica computes, for good.
func TestVectors(t *testing.T) {
	contents := []struct {
		name string
		data []byte
	}{
		{"empty", nil},
		{"one byte", []byte("a")},
		{"16384 random", bytesOf(1, 16<<10)},
		{"100000 random", bytesOf(1, 100_000)},
		{"1 MiB zeros", make([]byte, 1<<20)},
		{"1 MiB random", bytesOf(2, 1<<20)},
		{"20 MiB random", bytesOf(3, 20<<20)},
	}
	var got strings.Builder
	for _, c := range contents {
		l := chunk.Bytes(c.data)
		fmt.Fprintf(&got, "%s: %d chunks, root %s\n", c.name, len(l), l.Root())
		for _, k := range l[:min(len(l), 3)] {
			fmt.Fprintf(&got, "\t%6d %s\n", k.Size, k.Hash)
		}
	}
	want, err := os.ReadFile("testdata/vectors")
	if err != nil || got.String() != string(want) {
		t.Errorf("%v; the format has changed: got\n%s", err, got.String())
	}
}

// content draws bytes in which repetition, randomness and chance alternate.
func content(t *rapid.T, label string) []byte {
	var b []byte
	for range rapid.IntRange(0, 6).Draw(t, label) {
		n := rapid.IntRange(1, 400_000).Draw(t, "length")
		if rapid.Bool().Draw(t, "constant") {
			b = append(b, make([]byte, n)...)
		} else {
			b = append(b, bytesOf(rapid.Uint64Range(0, 20).Draw(t, "seed"), n)...)
		}
	}
	return b
}

func TestSplitOfAReaderIsThatOfItsBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := content(t, "runs")
		want := chunk.Bytes(data)
		got, err := new(chunk.Splitter).Split(iotest.HalfReader(bytes.NewReader(data)))
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%v; %d chunks, want %d", err, len(got), len(want))
		}
		var size int64
		for offset, c := range got.All() {
			if offset != size || c.Size > chunk.Max || chunk.Sum(data[offset:][:c.Size]) != c.Hash {
				t.Fatalf("chunk at %d: %v", offset, c)
			}
			size += int64(c.Size)
		}
		if size != int64(len(data)) || got.Size() != size {
			t.Fatalf("%d bytes of %d", size, len(data))
		}
	})
}

func TestSplitTellsAnErrorOfTheReader(t *testing.T) {
	broken := errors.New("broken")
	r := io.MultiReader(bytes.NewReader(bytesOf(1, 2<<20)), iotest.ErrReader(broken))
	if l, err := new(chunk.Splitter).Split(r); !errors.Is(err, broken) || l != nil {
		t.Fatalf("%v, %d chunks", err, len(l))
	}
}

// counted tells how much of a content is read.
type counted struct {
	*bytes.Reader
	n int
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Reader.ReadAt(p, off)
	c.n += n
	return n, err
}

func TestResplitIsSplitOfTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := content(t, "runs")
		after := slices.Clone(before)
		if cut := rapid.IntRange(0, 400_000).Draw(t, "cut"); rapid.Bool().Draw(t, "shorter") && cut < len(after) {
			after = after[:len(after)-cut]
		} else if rapid.Bool().Draw(t, "longer") {
			after = append(after, bytesOf(77, cut)...)
		}
		var ranges []change.Range
		for at := 0; at < len(after); {
			at += rapid.IntRange(0, 300_000).Draw(t, "skip")
			n := rapid.IntRange(0, 100_000).Draw(t, "written")
			if at+n > len(after) {
				break
			}
			copy(after[at:at+n], bytesOf(99, n))
			ranges = append(ranges, change.Range{Offset: int64(at), Length: int64(n)})
			at += n + 1
		}
		got, err := new(chunk.Splitter).Resplit(chunk.Bytes(before), bytes.NewReader(after), int64(len(after)), ranges)
		if want := chunk.Bytes(after); err != nil || !slices.Equal(got, want) {
			t.Fatalf("%v; %d chunks, want %d", err, len(got), len(want))
		}
	})
}

func TestResplitReadsWhatLiesAroundTheRanges(t *testing.T) {
	data := bytesOf(5, 64<<20)
	old := chunk.Bytes(data)
	copy(data[30<<20:], "written")
	r := &counted{Reader: bytes.NewReader(data)}
	got, err := new(chunk.Splitter).Resplit(old, r, int64(len(data)), []change.Range{{Offset: 30 << 20, Length: 7}})
	if err != nil || !slices.Equal(got, chunk.Bytes(data)) {
		t.Fatal(err, "not the chunks of the whole")
	}
	if r.n > 4<<20 {
		t.Errorf("read %d bytes for 7", r.n)
	}
}

func TestResplitOfAFileThatShrinksMeanwhile(t *testing.T) {
	data := bytesOf(5, 1<<20)
	_, err := new(chunk.Splitter).Resplit(nil, bytes.NewReader(data), 2<<20, nil)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
}

func TestAnInsertionMovesNoCutButThoseBesideIt(t *testing.T) {
	data := bytesOf(8, 32<<20)
	before := map[chunk.Hash]bool{}
	for _, c := range chunk.Bytes(data) {
		before[c.Hash] = true
	}
	after := chunk.Bytes(slices.Insert(data, 9<<20, []byte("a few bytes more")...))
	news := 0
	for _, c := range after {
		if !before[c.Hash] {
			news++
		}
	}
	if news > 3 {
		t.Errorf("%d of %d chunks are new", news, len(after))
	}
	if avg := len(data) / len(after); avg < 48<<10 || avg > 96<<10 {
		t.Errorf("chunks have %d bytes on average", avg)
	}
}
