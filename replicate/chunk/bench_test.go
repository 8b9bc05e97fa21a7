package chunk_test

import (
	"bytes"
	"testing"

	"syncfs/journal/change"
	"syncfs/replicate/chunk"
)

func BenchmarkSplitBig(b *testing.B) {
	data := bytesOf(1, 64<<20)
	var s chunk.Splitter
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := s.Split(bytes.NewReader(data)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSplitSmall(b *testing.B) {
	data := bytesOf(1, 8<<10)
	var s chunk.Splitter
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		l, err := s.Split(bytes.NewReader(data))
		if err != nil {
			b.Fatal(err)
		}
		l.Root()
	}
}

func BenchmarkResplitOfGiB(b *testing.B) {
	data := bytesOf(1, 1<<30)
	old := chunk.Bytes(data)
	var s chunk.Splitter
	for b.Loop() {
		if _, err := s.Resplit(old, bytes.NewReader(data), 1<<30, []change.Range{{Offset: 1 << 29, Length: 4 << 10}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRoot(b *testing.B) {
	l := chunks(1, 16_384)
	for b.Loop() {
		l.Root()
	}
}
