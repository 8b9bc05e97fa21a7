package journal

import (
	"testing"

	"syncfs/journal/item"
	"syncfs/journal/version"
)

// file is a typical state: one content, mode and mtime.
func file(n int) *item.Item {
	it := item.New(state(n).ID, false)
	ts := version.Timestamp{Time: 1 << 60, Replica: "laptop"}
	it.Context[5] = uint64(n + 1)
	it.Entries[version.Dot{Incarnation: 5, Seq: uint64(n + 1)}] = item.Entry{Content: &item.Content{
		Root: item.Hash{1, byte(n), byte(n >> 8)}, Size: 12345, MTime: 1 << 60, Timestamp: ts}}
	it.Place = item.Place{Parent: item.ID{byte(n % 100), 1}, Name: state(n).ID.String()[20:] + ".txt", Timestamp: ts}
	it.Meta[item.Mode] = item.Register{Value: "644", Timestamp: ts}
	return it
}

// filled has 100,000 items in 100 directories.
func filled(b *testing.B) *Journal {
	j, err := Open(Options{Dir: b.TempDir()})
	must(b, err)
	b.Cleanup(func() { must(b, j.Close()) })
	for n := 0; n < 100_000; {
		must(b, j.Update(func(tx *Tx) error {
			for end := n + 1000; n < end; n++ {
				must(b, tx.PutKnown(file(n)))
			}
			return nil
		}))
	}
	return j
}

func BenchmarkUpdate50(b *testing.B) {
	j := filled(b)
	for n := 0; b.Loop(); n++ {
		must(b, j.Update(func(tx *Tx) error {
			for i := range 50 {
				it := file((n*50 + i) % 100_000)
				it.Context[6] = uint64(n + 1)
				must(b, tx.PutKnown(it))
			}
			return nil
		}))
	}
}

func BenchmarkKnown(b *testing.B) {
	j := filled(b)
	must(b, j.View(func(tx *Tx) error {
		for n := 0; b.Loop(); n++ {
			if it, err := tx.Known(state(n * 7919 % 100_000).ID); it == nil || err != nil {
				b.Fatal(it, err)
			}
		}
		return nil
	}))
}

func BenchmarkFamily(b *testing.B) {
	j := filled(b)
	must(b, j.View(func(tx *Tx) error {
		for n := 0; b.Loop(); n++ {
			p := file(n * 7919 % 100_000).Place
			if l, err := tx.Family(p.Parent, p.Name); len(l) != 1 || err != nil {
				b.Fatal(l, err)
			}
		}
		return nil
	}))
}

// One item of 100,000 is unknown to the peer.
func BenchmarkUnseen(b *testing.B) {
	j := filled(b)
	must(b, j.View(func(tx *Tx) error {
		for b.Loop() {
			n := 0
			must(b, tx.Unseen(version.Vector{5: 99_999}, func(*item.Item) error { n++; return nil }))
			if n != 1 {
				b.Fatal(n)
			}
		}
		return nil
	}))
}
