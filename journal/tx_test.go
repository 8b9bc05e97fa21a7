package journal

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"syncfs/journal/item"
)

// A transaction sees its snapshot as its own changes have left it, key by key and in walks, also
// while it is changed in the midst of one.
func TestTransactionSeesItsChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := inMemory(t)
		defer j.Close()
		key := rapid.Custom(func(t *rapid.T) string {
			return "ß" + rapid.StringMatching(`[ab]{0,3}`).Draw(t, "key")
		})
		want := map[string]string{}
		change := func(tx *Tx) {
			k := key.Draw(t, "k")
			if rapid.Bool().Draw(t, "delete") {
				delete(want, k)
				must(t, tx.delete([]byte(k)))
				return
			}
			want[k] = rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "v")
			must(t, tx.set([]byte(k), []byte(want[k])))
		}
		for range 3 {
			must(t, j.Update(func(tx *Tx) error {
				for range rapid.IntRange(0, 6).Draw(t, "changes") {
					change(tx)
				}
				prefix := key.Draw(t, "prefix")
				got, keys := walk(t, tx, prefix, nil), slices.Sorted(maps.Keys(want))
				keys = slices.DeleteFunc(keys, func(k string) bool { return len(k) < len(prefix) || k[:len(prefix)] != prefix })
				if !slices.Equal(got, keys) {
					t.Fatalf("%q, want %q", got, keys)
				}
				for k, v := range want {
					if b, err := tx.get([]byte(k)); b == nil || string(b) != v || err != nil {
						t.Fatalf("%q is %q, %v, want %q", k, b, err, v)
					}
				}
				if got := walk(t, tx, prefix, func() { change(tx) }); !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
					t.Fatalf("changed on the way: %q", got)
				}
				return nil
			}))
		}
	})
}

func walk(t *rapid.T, tx *Tx, prefix string, step func()) (keys []string) {
	must(t, tx.pairs([]byte(prefix), func(k, _ []byte) error {
		keys = append(keys, string(k))
		if step != nil {
			step()
		}
		return nil
	}))
	return keys
}

func TestTooLargeLeavesNothing(t *testing.T) {
	j := inMemory(t)
	defer j.Close()
	n := 0
	err := j.Update(func(tx *Tx) error {
		for ; ; n++ {
			if err := tx.PutKnown(state(n)); err != nil {
				return err
			}
		}
	})
	if !errors.Is(err, ErrTooLarge) || n < 4000 {
		t.Fatalf("after %d states: %v", n, err)
	}
	must(t, j.View(func(tx *Tx) error {
		return tx.EachKnown(func(it *item.Item) error { t.Fatalf("%s is there", it.ID); return nil })
	}))
	must(t, j.Update(func(tx *Tx) error {
		for i := range n {
			must(t, tx.PutKnown(state(i)))
		}
		return nil
	}))
}

// Updates made at once are made one after the other, and no view sees a half of one.
func TestUpdatesAtOnce(t *testing.T) {
	j := inMemory(t)
	defer j.Close()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				must(t, j.Update(func(tx *Tx) error {
					n, err := tx.Clock()
					must(t, err)
					must(t, tx.SetShownCount(item.Root, int(n+1)))
					return tx.SetClock(n + 1)
				}))
				must(t, j.View(func(tx *Tx) error {
					clock, err := tx.Clock()
					must(t, err)
					if n, err := tx.ShownCount(item.Root); n != int(clock) || err != nil {
						t.Errorf("%d beside %d, %v", n, clock, err)
					}
					return nil
				}))
			}
		})
	}
	all.Wait()
	must(t, j.View(func(tx *Tx) error {
		if n, err := tx.Clock(); n != 160 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		return nil
	}))
}
