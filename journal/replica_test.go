package journal

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"syncfs/journal/item"
	"syncfs/journal/signature"
	"syncfs/journal/version"
)

// A value that is put is there in the transaction, and after it; before, there is its zero value.
func TestValues(t *testing.T) {
	j := inMemory(t)
	defer j.Close()
	id, other, root := item.ID{1}, item.ID{2}, item.Hash{3}
	sig := signature.Signature{Dev: 1, Ino: 2, Size: 3, MTime: -4, CTime: 5}
	peer := PeerState{Knowledge: version.Vector{7: 8}, LastSession: time.Unix(9, 10), LastError: "gone", Wanted: 11}
	values := map[string]struct {
		zero, put any
		set       func(*Tx) error
		get       func(*Tx) (any, error)
	}{
		"knowledge": {version.Vector{}, version.Vector{1: 2, 3: 4},
			func(tx *Tx) error { return tx.SetKnowledge(version.Vector{1: 2, 3: 4}) },
			func(tx *Tx) (any, error) { return tx.Knowledge() }},
		"clock": {int64(0), int64(77),
			func(tx *Tx) error { return tx.SetClock(77) },
			func(tx *Tx) (any, error) { return tx.Clock() }},
		"folder": {signature.Signature{}, sig,
			func(tx *Tx) error { return tx.SetFolder(sig) },
			func(tx *Tx) (any, error) { return tx.Folder() }},
		"shown count": {0, 5,
			func(tx *Tx) error { return tx.SetShownCount(id, 5) },
			func(tx *Tx) (any, error) { return tx.ShownCount(id) }},
		"merged": {[]item.ID(nil), []item.ID{other, id},
			func(tx *Tx) error { return tx.SetMerged(id, []item.ID{other, id}) },
			func(tx *Tx) (any, error) { return tx.Merged(id) }},
		"held": {false, true,
			func(tx *Tx) error { return tx.SetHeld(id, true) },
			func(tx *Tx) (any, error) { return tx.Held(id) }},
		"peer": {PeerState{}, peer,
			func(tx *Tx) error { return tx.SetPeerState("work", peer) },
			func(tx *Tx) (any, error) { return tx.PeerState("work") }},
		"staged": {(*Staged)(nil), &Staged{root, "x1", sig},
			func(tx *Tx) error { return tx.PutStaged(Staged{root, "x1", sig}) },
			func(tx *Tx) (any, error) { return tx.Staged(root) }},
		"wanted": {[]item.ID(nil), []item.ID{id},
			func(tx *Tx) error { return tx.PutWanted(root, id) },
			func(tx *Tx) (any, error) { return tx.Wanted(root) }},
		"chunk": {[]Location(nil), []Location{{root, 1 << 40, 300}},
			func(tx *Tx) error { return tx.PutChunk(item.Hash{4}, Location{root, 1 << 40, 300}) },
			func(tx *Tx) (any, error) { return tx.Chunk(item.Hash{4}) }},
		"list": {[]byte(nil), []byte("chunks"),
			func(tx *Tx) error { return tx.PutList(root, []byte("chunks")) },
			func(tx *Tx) (any, error) { return tx.List(root) }},
	}
	for name, v := range values {
		want := func(tx *Tx, when string, want any) {
			if got, err := v.get(tx); !reflect.DeepEqual(got, want) || err != nil {
				t.Errorf("%s %s: %v, %v, want %v", name, when, got, err, want)
			}
		}
		must(t, j.Update(func(tx *Tx) error {
			want(tx, "before", v.zero)
			must(t, v.set(tx))
			want(tx, "within", v.put)
			return nil
		}))
		must(t, j.View(func(tx *Tx) error {
			want(tx, "after", v.put)
			if err := v.set(tx); !errors.Is(err, ErrReadOnly) {
				t.Errorf("%s set in a view: %v", name, err)
			}
			return nil
		}))
	}
}

func TestUndone(t *testing.T) {
	j := inMemory(t)
	defer j.Close()
	must(t, j.Update(func(tx *Tx) error {
		must(t, tx.SetUndone(item.ID{1}, item.ID{2}))
		must(t, tx.SetUndone(item.ID{3}, item.Root))
		must(t, tx.DeleteUndone(item.ID{3}))
		must(t, tx.EachUndone(func(id, parent item.ID) error {
			if id != (item.ID{1}) || parent != (item.ID{2}) {
				t.Errorf("%s is undone to %s", id, parent)
			}
			return nil
		}))
		for id, want := range map[item.ID]bool{{1}: true, {3}: false} {
			if _, ok, err := tx.Undone(id); ok != want || err != nil {
				t.Errorf("%s: %v, %v", id, ok, err)
			}
		}
		return nil
	}))
}

// A mark that was set again after it was read stays.
func TestDirtyMarkSetAgainStays(t *testing.T) {
	j := inMemory(t)
	defer j.Close()
	must(t, j.Update(func(tx *Tx) error {
		must(t, tx.MarkDirty(item.ID{1}, "a"))
		must(t, tx.MarkDirty(item.ID{1}, ""))
		return tx.MarkDirtyDir(item.ID{1})
	}))
	first := dirty(t, j)
	if len(first) != 3 || !first[0].All || first[1].Family != "" || first[2].Family != "a" {
		t.Fatalf("%+v", first)
	}
	must(t, j.Update(func(tx *Tx) error { return tx.MarkDirty(item.ID{1}, "a") }))
	must(t, j.Update(func(tx *Tx) error {
		for _, d := range first {
			must(t, tx.ClearDirty(d))
		}
		return nil
	}))
	left := dirty(t, j)
	if len(left) != 1 || left[0].Family != "a" || left[0].All {
		t.Fatalf("left: %+v", left)
	}
	must(t, j.Update(func(tx *Tx) error {
		must(t, tx.MarkDirty(item.ID{1}, "a"))
		return tx.ClearDirty(left[0])
	}))
	if l := dirty(t, j); len(l) != 1 {
		t.Fatalf("cleared by one that had not seen it set again: %+v", l)
	}
}

// A mark that an Update sets twice, and reads in between, stays: what was read asked for less.
func TestDirtyMarkSetAgainInOneUpdateStays(t *testing.T) {
	j := inMemory(t)
	defer j.Close()
	again := func(tx *Tx) error {
		must(t, tx.MarkDirty(item.ID{1}, "a"))
		d, ok, err := tx.Dirty(item.ID{1}, "a")
		if !ok || err != nil {
			t.Fatalf("no mark: %v", err)
		}
		must(t, tx.MarkDirty(item.ID{1}, "a"))
		return tx.ClearDirty(d)
	}
	must(t, j.Update(again))
	if l := dirty(t, j); len(l) != 1 {
		t.Errorf("marks are %v", l)
	}
	must(t, j.Update(again))
	if l := dirty(t, j); len(l) != 1 {
		t.Errorf("marks are %v, where there was one before", l)
	}
}

func dirty(t *testing.T, j *Journal) (l []Dirty) {
	must(t, j.View(func(tx *Tx) error {
		return tx.EachDirty(func(d Dirty) error { l = append(l, d); return nil })
	}))
	return l
}

func TestListOfAnySize(t *testing.T) {
	j := inMemory(t)
	defer j.Close()
	for _, size := range []int{0, 1, listPiece, listPiece + 1, 10 << 20} {
		list, root := bytes.Repeat([]byte{7}, size), item.Hash{byte(size), byte(size >> 8), byte(size >> 16)}
		must(t, j.PutList(root, list))
		must(t, j.View(func(tx *Tx) error {
			got, err := tx.List(root)
			must(t, err)
			if got == nil || !bytes.Equal(got, list) {
				t.Errorf("list of %d bytes: %d came back", size, len(got))
			}
			return nil
		}))
		must(t, j.Update(func(tx *Tx) error { return tx.DeleteList(root) }))
		must(t, j.View(func(tx *Tx) error {
			if left, err := tx.has(listKey(root)); left || err != nil {
				t.Errorf("list of %d bytes: is left", size)
			}
			return nil
		}))
	}
}

func TestChunkGivesFewPlaces(t *testing.T) {
	j := inMemory(t)
	defer j.Close()
	must(t, j.Update(func(tx *Tx) error {
		for i := range int64(40) {
			must(t, tx.PutChunk(item.Hash{1}, Location{item.Hash{2}, i, 1}))
		}
		at, err := tx.Chunk(item.Hash{1})
		if len(at) != maxLocations || err != nil {
			t.Errorf("%d places, %v", len(at), err)
		}
		must(t, tx.DeleteChunk(item.Hash{1}, at[0]))
		if again, _ := tx.Chunk(item.Hash{1}); again[0] == at[0] {
			t.Error("deleted, but there")
		}
		return nil
	}))
}

func state(n int) *item.Item {
	it := item.New(item.ID{15: byte(n), 14: byte(n >> 8), 13: byte(n >> 16), 0: 1}, true)
	it.Context[5] = uint64(n + 1)
	it.Place.Name = "x"
	return it
}

// A redo keeps its states in order, counts only when it is committed, and is cleared whatever its size.
func TestRedo(t *testing.T) {
	j := inMemory(t)
	defer j.Close()
	const batches, batch = 6, 2000
	for i := range batches {
		must(t, j.Update(func(tx *Tx) error {
			var states []*item.Item
			for n := range batch {
				states = append(states, state(i*batch+n))
			}
			return tx.AppendRedo(states)
		}))
	}
	wantRedo(t, j, false, batches*batch)
	must(t, j.Update(func(tx *Tx) error { return tx.CommitRedo(version.Vector{5: 6}) }))
	wantRedo(t, j, true, batches*batch)
	must(t, j.ClearRedo())
	wantRedo(t, j, false, 0)
	must(t, j.Update(func(tx *Tx) error { return tx.CommitRedo(nil) }))
	wantRedo(t, j, true, 0)
}

func wantRedo(t *testing.T, j *Journal, committed bool, states int) {
	t.Helper()
	must(t, j.View(func(tx *Tx) error {
		if _, ok, err := tx.Redo(); ok != committed || err != nil {
			t.Errorf("committed: %v, %v", ok, err)
		}
		n := 0
		must(t, tx.EachRedo(func(it *item.Item) error {
			if !it.Equal(state(n)) {
				t.Fatalf("state %d is %v", n, it)
			}
			n++
			return nil
		}))
		if n != states {
			t.Errorf("%d states, want %d", n, states)
		}
		return nil
	}))
}

func TestConflictsAndCopies(t *testing.T) {
	j := inMemory(t)
	defer j.Close()
	must(t, j.Update(func(tx *Tx) error {
		must(t, tx.PutCopy(item.ID{1}, item.ID{2}))
		must(t, tx.NoteConflict(item.ID{3}, "a", true))
		must(t, tx.NoteConflict(item.ID{3}, "b", true))
		return tx.NoteConflict(item.ID{3}, "a", false)
	}))
	must(t, j.Update(func(tx *Tx) error {
		if of, ok, err := tx.Copy(item.ID{1}); of != (item.ID{2}) || !ok || err != nil {
			t.Errorf("copy of %s, %v, %v", of, ok, err)
		}
		must(t, tx.DeleteCopy(item.ID{1}))
		if _, ok, err := tx.Copy(item.ID{1}); ok || err != nil {
			t.Errorf("deleted, but %v, %v", ok, err)
		}
		return tx.EachConflict(func(dir item.ID, family string) error {
			if dir != (item.ID{3}) || family != "b" {
				t.Errorf("conflict in %s: %s", dir, family)
			}
			return nil
		})
	}))
}
