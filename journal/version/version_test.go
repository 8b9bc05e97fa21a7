package version

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"syncfs/journal/canon"
)

// vectors draws from few incarnations and numbers, so that they often meet.
func vectors() *rapid.Generator[Vector] {
	return rapid.Custom(func(t *rapid.T) Vector {
		return rapid.MapOf(
			rapid.Map(rapid.IntRange(0, 5), func(i int) Incarnation { return Incarnation(i) }),
			rapid.Uint64Range(0, 4),
		).Draw(t, "vector")
	})
}

func TestVectorLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := vectors().Draw(t, "a"), vectors().Draw(t, "b"), vectors().Draw(t, "c")
		ab := a.Join(b)
		for law, holds := range map[string]bool{
			"commutative":           ab.Equal(b.Join(a)),
			"associative":           ab.Join(c).Equal(a.Join(b.Join(c))),
			"idempotent":            a.Join(a).Equal(a),
			"upper bound":           ab.Covers(a) && ab.Covers(b),
			"least":                 !c.Covers(a) || !c.Covers(b) || c.Covers(ab),
			"covers is equal join":  a.Covers(b) == ab.Equal(a),
			"equal by digest":       a.Equal(b) == (a.Digest() == b.Digest()),
			"clone is equal":        a.Clone().Equal(a),
			"has what covers shows": a.Has(Dot{1, 2}) == a.Covers(Vector{1: 2}),
		} {
			if !holds {
				t.Errorf("not %s", law)
			}
		}
	})
}

func TestJoinSharesNothing(t *testing.T) {
	a, b := Vector{1: 1}, Vector{2: 2}
	n := a.Join(b)
	n[1], n[2] = 7, 7
	if a[1] != 1 || b[2] != 2 {
		t.Error(a, b)
	}
	if Vector(nil).Join(nil) == nil || Vector(nil).Clone() == nil {
		t.Error("a nil map cannot be written to")
	}
}

func TestVectorEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := vectors().Draw(t, "v")
		got, err := DecodeVector(v.Append(nil))
		if err != nil || !got.Equal(v) {
			t.Fatal(got, err)
		}
	})
}

func FuzzDecodeVector(f *testing.F) {
	f.Add(Vector{}.Append(nil))
	f.Add(Vector{1: 1, 7: 1 << 40, 1 << 63: 2}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := DecodeVector(b)
		if err != nil {
			if !errors.Is(err, canon.ErrFormat) {
				t.Fatal(err)
			}
		} else if !slices.Equal(v.Append(nil), b) {
			t.Fatalf("%x is %v, whose encoding is %x", b, v, v.Append(nil))
		}
	})
}

func TestTimestampOrder(t *testing.T) {
	ordered := []Timestamp{{}, {Rank: 1}, {Time: 1, Replica: "a"}, {Time: 1, Replica: "a", Rank: 1}, {Time: 1, Replica: "b"}, {Time: 2, Replica: "a"}}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := a.Compare(b); got != min(1, max(-1, i-j)) {
				t.Errorf("%v against %v: %d", a, b, got)
			}
		}
	}
}

func TestTimestampEncoding(t *testing.T) {
	for _, want := range []Timestamp{{}, {Rank: 3}, {Time: 1 << 62, Replica: "laptop", Rank: 1<<32 - 1}} {
		r := canon.NewReader(want.Append(nil))
		if got := ReadTimestamp(r); got != want || r.End() != nil {
			t.Errorf("got %v, want %v: %v", got, want, r.Err())
		}
	}
}

func TestClockIsNeverBehind(t *testing.T) {
	c := Clock{Replica: "a"}
	if got := c.Now(100); got != (Timestamp{Time: 100, Replica: "a"}) {
		t.Error(got)
	}
	if got := c.Now(50); got.Time != 101 {
		t.Error("the machine's clock went back:", got)
	}
	c.Observe(Timestamp{Time: 500, Replica: "b"})
	if got := c.Now(102); got.Time != 501 {
		t.Error("a peer's clock is ahead:", got)
	}
	c.Observe(Timestamp{Time: 1<<63 - 1, Replica: "b"})
	if got := c.Now(103); got.Time != 502 {
		t.Error("followed a clock to the end of time:", got)
	}
}
