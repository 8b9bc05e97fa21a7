package item

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"syncfs/journal/canon"
	"syncfs/journal/version"
)

// typical is a file as most are: created on one machine, edited on another.
func typical() *Item {
	t := version.Timestamp{Time: 1_790_000_000_000_000_000, Replica: "laptop"}
	it := New(Found(Root, "x", false), false)
	it.Context = version.Vector{1 << 60: 12345, 1 << 61: 77}
	it.Entries[version.Dot{Incarnation: 1 << 60, Seq: 12345}] = Entry{Content: &Content{Root: Hash{1, 2}, Size: 70_000, MTime: t.Time, Timestamp: t}}
	it.Place = Place{Parent: ID{9}, Name: "a typical name.txt", Timestamp: t}
	it.Meta[Mode] = Register{Value: "644", Timestamp: t}
	return it
}

func TestEncodingGivesBackTheState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := states().Draw(t, "item")
		b, err := want.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Unmarshal(b)
		if err != nil || !got.Equal(want) {
			t.Fatalf("got %v, want %v: %v", got, want, err)
		}
		again, _ := got.MarshalBinary()
		if !bytes.Equal(again, b) {
			t.Fatalf("two encodings: %x and %x", b, again)
		}
	})
}

func TestWhatCannotBeAStateIsNeitherEncodedNorDecoded(t *testing.T) {
	dot := version.Dot{Incarnation: 1 << 60, Seq: 12345}
	for name, spoil := range map[string]func(*Item){
		"the root":                     func(it *Item) { it.ID = Root },
		"no name":                      func(it *Item) { it.Place.Name = "" },
		"parent":                       func(it *Item) { it.Place.Name = ".." },
		"slash":                        func(it *Item) { it.Place.Name = "a/b" },
		"zero byte":                    func(it *Item) { it.Place.Name = "a\x00" },
		"over-long":                    func(it *Item) { it.Place.Name = strings.Repeat("a", 256) },
		".syncfs":                      func(it *Item) { it.Place.Parent, it.Place.Name = Root, Hidden },
		"in itself":                    func(it *Item) { it.Place.Parent = it.ID },
		"replica with a slash":         func(it *Item) { it.Place.Timestamp.Replica = "../a" },
		"before time":                  func(it *Item) { it.Place.Timestamp.Time = -1 },
		"directory with content":       func(it *Item) { it.Dir = true },
		"directory that keeps content": func(it *Item) { it.Dir = true; it.Entries[dot] = Entry{Keeps: &Content{}} },
		"entry not in the context":     func(it *Item) { delete(it.Context, dot.Incarnation) },
		"content and mark":             func(it *Item) { e := it.Entries[dot]; e.Keeps = &Content{}; it.Entries[dot] = e },
		"negative size":                func(it *Item) { it.Entries[dot] = Entry{Content: &Content{Size: -1}} },
		"bytes with a target":          func(it *Item) { it.Entries[dot] = Entry{Content: &Content{Target: "x"}} },
		"link without a target":        func(it *Item) { it.Entries[dot] = Entry{Content: &Content{Symlink: true}} },
		"link with a root": func(it *Item) {
			it.Entries[dot] = Entry{Content: &Content{Symlink: true, Target: "x", Size: 1, Root: Hash{1}}}
		},
		"link of another size": func(it *Item) { it.Entries[dot] = Entry{Content: &Content{Symlink: true, Target: "x"}} },
		"over-long target": func(it *Item) {
			s := strings.Repeat("x", MaxTarget+1)
			it.Entries[dot] = Entry{Content: &Content{Symlink: true, Target: s, Size: int64(len(s))}}
		},
		"mark of a bad link":  func(it *Item) { it.Entries[dot] = Entry{Keeps: &Content{Symlink: true}} },
		"mark of two kinds":   func(it *Item) { it.Entries[dot] = Entry{Keeps: &Content{Root: Hash{1}, Target: "x"}} },
		"mark before time":    func(it *Item) { it.Entries[dot] = Entry{Keeps: &Content{Timestamp: version.Timestamp{Time: -1}}} },
		"mode with setuid":    func(it *Item) { it.Meta[Mode] = Register{Value: "4755"} },
		"mode with zeros":     func(it *Item) { it.Meta[Mode] = Register{Value: "0755"} },
		"no group":            func(it *Item) { it.Meta[Group] = Register{Value: ID{}.String()} },
		"group in capitals":   func(it *Item) { it.Meta[Group] = Register{Value: strings.ToUpper(ID{0xab}.String())} },
		"over-long group":     func(it *Item) { it.Meta[Group] = Register{Value: ID{1}.String() + "00"} },
		"linked directory":    func(it *Item) { it.Dir, it.Entries, it.Meta[Group] = true, nil, Register{Value: ID{1}.String()} },
		"no time":             func(it *Item) { it.Meta[MTime] = Register{Value: "1.5"} },
		"xattr of the system": func(it *Item) { it.Meta["security.x"] = Register{} },
		"xattr with no name":  func(it *Item) { it.Meta[XAttr] = Register{} },
		"over-long xattr":     func(it *Item) { it.Meta["user.x"] = Register{Value: strings.Repeat("x", MaxRegister+1)} },
		"absent, yet a value": func(it *Item) { it.Meta["user.x"] = Register{Value: "x", Absent: true} },
		"too many entries": func(it *Item) {
			it.Context[1] = MaxEntries + 1
			for s := range uint64(MaxEntries + 1) {
				it.Entries[version.Dot{Incarnation: 1, Seq: s + 1}] = Entry{}
			}
		},
		"too large": func(it *Item) {
			for i := range MaxMeta - 1 {
				it.Meta["user."+strings.Repeat("x", 1+i%200)+string(rune('a'+i/200))] = Register{Value: strings.Repeat("x", MaxRegister)}
			}
		},
	} {
		it := typical()
		spoil(it)
		if _, err := it.MarshalBinary(); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
}

func TestHostileBytes(t *testing.T) {
	good, err := typical().MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		if _, err := Unmarshal(good[:i]); !errors.Is(err, canon.ErrFormat) {
			t.Errorf("cut after %d bytes: %v", i, err)
		}
	}
	if _, err := Unmarshal(append(good, 0)); !errors.Is(err, canon.ErrFormat) {
		t.Error("bytes after the end:", err)
	}
	good[0] = format + 1
	if _, err := Unmarshal(good); !errors.Is(err, canon.ErrFormat) {
		t.Error("another format:", err)
	}
	if _, err := Unmarshal(make([]byte, MaxSize+1)); err == nil {
		t.Error("decoded what is too large")
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, it := range []*Item{New(ID{1}, true), typical()} {
		it.Place.Name = "n"
		it.Meta["user.x"] = Register{Absent: true}
		b, err := it.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		it, err := Unmarshal(b)
		if err != nil {
			return
		}
		again, err := it.MarshalBinary()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x is %v, whose encoding is %x: %v", b, it, again, err)
		}
	})
}

func BenchmarkMarshal(b *testing.B) {
	it := typical()
	for b.Loop() {
		it.MarshalBinary()
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	x, _ := typical().MarshalBinary()
	b.ReportMetric(float64(len(x)), "bytes")
	for b.Loop() {
		Unmarshal(x)
	}
}
