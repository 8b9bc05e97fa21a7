package journal

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// Keys are found in order, whatever was put and removed before and between, in an overlay that was used before too.
func TestOverlayOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	o := newOverlay()
	for round := range 20 {
		want := map[string]bool{}
		for range r.IntN(300) {
			k := fmt.Sprintf("%c%d", "ab"[r.IntN(2)], r.IntN(200))
			switch r.IntN(8) {
			case 0:
				o.remove([]byte(k))
				delete(want, k)
			case 1:
				wantFrom(t, o, want, k)
			default:
				o.put([]byte(k), []byte("v"))
				want[k] = true
			}
		}
		wantFrom(t, o, want, "a")
		wantFrom(t, o, want, "b")
		if !o.reset() {
			t.Fatalf("round %d: an overlay of a few keys is not kept", round)
		}
		if len(o.values) != 0 || o.size != 0 || o.from("a") != "" || o.puts('a') || o.puts('b') {
			t.Fatalf("round %d: something is left of what was reset", round)
		}
	}
}

// wantFrom wants the keys from start on, of its first byte.
func wantFrom(t *testing.T, o *overlay, want map[string]bool, start string) {
	t.Helper()
	var all, got []string
	for k := range want {
		if k[0] == start[0] && k >= start {
			all = append(all, k)
		}
	}
	slices.Sort(all)
	for k := o.from(start); k != ""; k = o.from(k + "\x00") {
		got = append(got, k)
	}
	if !slices.Equal(got, all) {
		t.Fatalf("from %s: %v, want %v", start, got, all)
	}
}

// The memory of a large transaction is not kept for small ones.
func TestOverlayGivesMemoryBack(t *testing.T) {
	o := newOverlay()
	for i := range 1000 {
		o.put(fmt.Appendf(nil, "a%d", i), nil)
	}
	if !o.reset() {
		t.Fatal("not kept for the next large one")
	}
	o.put([]byte("a"), nil)
	if o.reset() {
		t.Error("kept by a small one")
	}
}
