package item

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"syncfs/journal/version"
)

// states draws states of one item as two replicas and their peers could hold them: from few dots,
// each of which says the same wherever it is found.
func states() *rapid.Generator[*Item] {
	return rapid.Custom(func(t *rapid.T) *Item {
		it := New(ID{1}, false)
		for in := range rapid.IntRange(0, 3).Draw(t, "incarnations") {
			i := version.Incarnation(in)
			it.Context[i] = rapid.Uint64Range(1, 3).Draw(t, "seen")
			for s := range it.Context[i] {
				if rapid.Bool().Draw(t, "kept") {
					e := entryOf(version.Dot{Incarnation: i, Seq: s + 1})
					e.Gone = rapid.Bool().Draw(t, "gone")
					it.Entries[version.Dot{Incarnation: i, Seq: s + 1}] = e
				}
			}
		}
		it.Place = Place{
			Parent:    ID{rapid.Byte().Draw(t, "parent")%3 + 2},
			Name:      rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name"),
			Timestamp: stamps().Draw(t, "placed"),
		}
		if rapid.Bool().Draw(t, Group) {
			it.Meta[Group] = Register{Value: ID{rapid.Byte().Draw(t, "group")%2 + 1}.String(), Timestamp: stamps().Draw(t, "linked")}
		}
		for _, k := range []string{Mode, MTime, "user.x"} {
			if rapid.Bool().Draw(t, k) {
				it.Meta[k] = Register{Value: rapid.SampledFrom([]string{"755", "644"}).Draw(t, "value"), Timestamp: stamps().Draw(t, "set")}
			}
		}
		return it
	})
}

func stamps() *rapid.Generator[version.Timestamp] {
	return rapid.Custom(func(t *rapid.T) version.Timestamp {
		return version.Timestamp{
			Time:    rapid.Int64Range(0, 2).Draw(t, "time"),
			Replica: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "replica"),
			Rank:    rapid.Uint32Range(0, 1).Draw(t, "rank"),
		}
	})
}

func entryOf(d version.Dot) Entry {
	switch (uint64(d.Incarnation) + d.Seq) % 3 {
	case 0:
		return Entry{Keeps: &Content{Root: Hash{byte(d.Seq)}, Size: int64(d.Seq)}}
	case 1:
		c := &Content{Symlink: true, Target: fmt.Sprint("to ", d.Seq)}
		c.Size = int64(len(c.Target))
		return Entry{Content: c}
	default:
		return Entry{Content: &Content{Root: Hash{byte(d.Seq)}, Size: 9, MTime: -int64(d.Seq), Timestamp: version.Timestamp{Time: int64(d.Seq)}}}
	}
}

func TestJoinLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := states().Draw(t, "a"), states().Draw(t, "b"), states().Draw(t, "c")
		before := [2]*Item{a.Clone(), b.Clone()}
		ab := Join(a, b)
		for law, holds := range map[string]bool{
			"commutative":     ab.Equal(Join(b, a)),
			"associative":     Join(ab, c).Equal(Join(a, Join(b, c))),
			"idempotent":      Join(a, a).Equal(a),
			"absorbing":       Join(a, ab).Equal(ab) && Join(ab, b).Equal(ab),
			"without effects": before[0].Equal(a) && before[1].Equal(b),
			"a state":         ab.Check() == nil,
		} {
			if !holds {
				t.Errorf("not %s", law)
			}
		}
	})
}

// Entries of one dot differ only where a member lies. Even then replicas agree.
func TestJoinOfLiesIsCommutative(t *testing.T) {
	d := version.Dot{Incarnation: 1, Seq: 1}
	says := func(e Entry) *Item {
		it := New(ID{1}, false)
		it.Context[1], it.Entries[d] = 1, e
		return it
	}
	all := []Entry{{}, {Gone: true}, {Keeps: &Content{Symlink: true, Target: "x", Size: 1}}, entryOf(version.Dot{Incarnation: 1, Seq: 1}), entryOf(version.Dot{Incarnation: 0, Seq: 1})}
	for _, x := range all {
		for _, y := range all {
			if a, b := says(x), says(y); !Join(a, b).Equal(Join(b, a)) {
				t.Errorf("%v and %v", x, y)
			}
		}
	}
}

func TestJoin(t *testing.T) {
	content := func(n byte) Entry { return Entry{Content: &Content{Root: Hash{n}}} }
	gone := func(e Entry) Entry { e.Gone = true; return e }
	d1, d2, d3 := version.Dot{Incarnation: 1, Seq: 1}, version.Dot{Incarnation: 1, Seq: 2}, version.Dot{Incarnation: 2, Seq: 1}
	type entries = map[version.Dot]Entry
	for name, c := range map[string]struct {
		ca, cb  version.Vector
		a, b    entries
		entries entries
		live    bool
	}{
		"an edit replaces what it has seen": {
			version.Vector{1: 1}, version.Vector{1: 2}, entries{d1: content(1)}, entries{d2: content(2)}, entries{d2: content(2)}, true},
		"concurrent edits are both kept": {
			version.Vector{1: 2}, version.Vector{1: 1, 2: 1}, entries{d2: content(2)}, entries{d3: content(3)}, entries{d2: content(2), d3: content(3)}, true},
		"a delete takes what it has seen": {
			version.Vector{1: 1}, version.Vector{1: 1, 2: 1}, entries{d1: content(1)}, entries{d1: gone(content(1))}, entries{d1: gone(content(1))}, false},
		"an unseen edit beats a delete": {
			version.Vector{1: 2}, version.Vector{1: 1, 2: 1}, entries{d2: content(2)}, entries{d1: gone(content(1))}, entries{d2: content(2)}, true},
		"an unseen mark of presence beats a delete, which leaves the content to it": {
			version.Vector{1: 2}, version.Vector{1: 1, 2: 1}, entries{d1: content(1), d2: {}}, entries{d1: gone(content(1))}, entries{d1: gone(content(1)), d2: {}}, true},
	} {
		a := &Item{Context: c.ca, Entries: c.a}
		b := &Item{Context: c.cb, Entries: c.b}
		want := &Item{Context: c.ca.Join(c.cb), Entries: c.entries}
		if got := Join(a, b); !got.Equal(want) || got.Live() != c.live {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestJoinTakesTheLatest(t *testing.T) {
	at := func(n int64, replica string) version.Timestamp { return version.Timestamp{Time: n, Replica: replica} }
	a, b := New(ID{1}, true), New(ID{1}, true)
	a.Place = Place{Name: "old", Timestamp: at(1, "b")}
	b.Place = Place{Name: "new", Timestamp: at(2, "a")}
	a.Meta[Mode], b.Meta[Mode] = Register{Value: "700", Timestamp: at(2, "b")}, Register{Value: "755", Timestamp: at(2, "a")}
	a.Meta["user.x"] = Register{Value: "kept"}
	got := Join(a, b)
	if got.Place.Name != "new" || got.Meta[Mode].Value != "700" || got.Meta["user.x"].Value != "kept" {
		t.Error(got)
	}
}

func TestCloneSharesNothing(t *testing.T) {
	a := New(ID{1}, false)
	b := a.Clone()
	b.Context[1], b.Entries[version.Dot{Incarnation: 1, Seq: 1}], b.Meta[Mode] = 1, Entry{}, Register{}
	if !a.Equal(New(ID{1}, false)) {
		t.Error(a)
	}
}

func TestShownMTime(t *testing.T) {
	it := New(ID{1}, false)
	c := &Content{MTime: 7, Timestamp: version.Timestamp{Time: 10}}
	for _, x := range []struct {
		set  Register
		want int64
	}{
		{Register{}, 7},
		{Register{Value: "3", Timestamp: version.Timestamp{Time: 11}}, 3},
		{Register{Value: "3", Timestamp: version.Timestamp{Time: 10}}, 7},
		{Register{Absent: true, Timestamp: version.Timestamp{Time: 11}}, 7},
	} {
		it.Meta[MTime] = x.set
		if got := it.ShownMTime(c); got != x.want {
			t.Errorf("%v: got %d, want %d", x.set, got, x.want)
		}
	}
}

func TestParseID(t *testing.T) {
	id := Found(Root, "a", true)
	if got, err := ParseID(id.String()); got != id || err != nil {
		t.Error(got, err)
	}
	for _, s := range []string{"", "00", id.String() + "00", "x" + id.String()[1:]} {
		if _, err := ParseID(s); err == nil {
			t.Errorf("%q was taken for an ID", s)
		}
	}
	if Found(Root, "a", false) == id || Found(id, "a", true) == id {
		t.Error("IDs of different things are equal")
	}
}

func BenchmarkJoin(b *testing.B) {
	x, y := typical(), typical()
	y.Context[9] = 5
	for b.Loop() {
		Join(x, y)
	}
}
