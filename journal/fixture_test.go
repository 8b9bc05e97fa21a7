package journal

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"syncfs/journal/item"
	"syncfs/journal/signature"
	"syncfs/journal/version"
)

var (
	fixtureApplied = &Applied{
		Name: "x", IDs: []item.ID{state(1).ID}, Mode: 0o644, MTime: 5, XAttrs: item.Hash{6},
		CopyOf: item.ID{7}, CopyDots: []version.Dot{{Incarnation: 8, Seq: 9}}, Group: item.ID{31},
		Content:   &item.Content{Root: item.Hash{3}, Size: 10, MTime: 11, Timestamp: version.Timestamp{Time: 12, Replica: "home", Rank: 1}},
		Signature: signature.Signature{Dev: 1, Ino: 2, Size: 10, MTime: 11, CTime: 13}, Racy: true,
	}
	fixturePeer   = PeerState{Knowledge: version.Vector{5: 2}, LastSession: time.Unix(14, 15), LastError: "away", Wanted: 16}
	fixtureStaged = Staged{Root: item.Hash{3}, Name: "17", Signature: signature.Signature{Ino: 18}}
	fixtureAt     = Location{Root: item.Hash{3}, Offset: 19, Length: 20}
)

// writeFixture makes a small journal with a value of each kind.
func writeFixture(t *testing.T, dir string) {
	j := openDir(t, dir)
	must(t, j.Update(func(tx *Tx) error {
		for _, err := range []error{
			tx.PutKnown(state(1)), tx.PutKnown(state(2)), tx.PutOlder(state(1)), tx.SetHeld(state(2).ID, true),
			tx.SetKnowledge(version.Vector{5: 3}), tx.SetClock(21), tx.SetFolder(signature.Signature{Ino: 22}),
			tx.SetShownCount(item.Root, 2), tx.SetUndone(item.ID{23}, item.Root), tx.SetMerged(item.ID{24}, []item.ID{{25}}),
			tx.PutCopy(item.ID{30}, state(1).ID), tx.NoteConflict(item.Root, "x", true),
			tx.MarkDirty(item.Root, "x"), tx.MarkDirtyDir(item.ID{26}),
			tx.PutApplied(fixtureApplied), tx.PutApplied(&Applied{Name: "d", Dir: true, Slot: 27, IDs: []item.ID{{28}}}),
			tx.PutList(item.Hash{3}, []byte("list")), tx.PutChunk(item.Hash{29}, fixtureAt),
			tx.PutWanted(item.Hash{3}, state(2).ID), tx.PutStaged(fixtureStaged),
			tx.AppendRedo([]*item.Item{state(0)}), tx.CommitRedo(version.Vector{5: 1}), tx.SetPeerState("work", fixturePeer),
		} {
			must(t, err)
		}
		return nil
	}))
	must(t, j.Close())
	// What Badger makes anew: the value log holds nothing.
	for _, pattern := range []string{"*.vlog", "*" + memSuffix, "DISCARD", "LOCK"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		must(t, err)
		for _, p := range paths {
			must(t, os.Remove(p))
		}
	}
}

// checkFixture reads every value through the Tx, by each of its keys.
func checkFixture(t *testing.T, tx *Tx) {
	t.Helper()
	want := func(what string, want any) func(any, error) {
		return func(got any, err error) {
			t.Helper()
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v, %v, want %+v", what, got, err, want)
			}
		}
	}
	ids := func(each func(func(item.ID) error) error) (any, error) {
		var l []item.ID
		err := each(func(id item.ID) error { l = append(l, id); return nil })
		return l, err
	}
	unseen := func(fn func(item.ID) error) error {
		return tx.Unseen(version.Vector{5: 2}, func(it *item.Item) error { return fn(it.ID) })
	}
	one, two := state(1), state(2)
	known, err := tx.Known(two.ID)
	if err != nil || !known.Equal(two) {
		t.Errorf("known: %+v, %v", known, err)
	}
	older, err := tx.Older(one.ID)
	if err != nil || !older.Equal(one) {
		t.Errorf("older: %+v, %v", older, err)
	}
	family, err := tx.Family(item.Root, "x")
	want("family", 2)(len(family), err)
	want("unseen", []item.ID{two.ID})(ids(unseen))
	want("held", []item.ID{two.ID})(ids(tx.EachHeld))
	want("knowledge", version.Vector{5: 3})(wrap(tx.Knowledge()))
	want("clock", int64(21))(wrap(tx.Clock()))
	want("folder", signature.Signature{Ino: 22})(wrap(tx.Folder()))
	want("shown count", 2)(wrap(tx.ShownCount(item.Root)))
	_, undone, err := tx.Undone(item.ID{23})
	want("undone", true)(undone, err)
	want("merged", []item.ID{{25}})(wrap(tx.Merged(item.ID{24})))
	of, ok, err := tx.Copy(item.ID{30})
	want("copy", one.ID)(of, err)
	want("copy there", true)(ok, nil)
	var marks []string
	err = tx.EachConflict(func(_ item.ID, family string) error { marks = append(marks, family); return nil })
	want("conflicts", []string{"x"})(marks, err)
	marks = nil
	err = tx.EachDirty(func(d Dirty) error { marks = append(marks, d.Family); return nil })
	want("dirty", []string{"x", ""})(marks, err)
	want("applied", fixtureApplied)(wrap(tx.Applied(0, "x")))
	alike, ok := fixtureApplied.Alike()
	want("alike there", true)(ok, nil)
	want("alike", fixtureApplied)(wrap(tx.FirstAlike(alike)))
	var path any
	path, err = tx.SlotPath(27)
	want("slot", "d")(path, err)
	want("list", []byte("list"))(wrap(tx.List(item.Hash{3})))
	want("chunk", []Location{fixtureAt})(wrap(tx.Chunk(item.Hash{29})))
	want("wanted", []item.ID{two.ID})(wrap(tx.Wanted(item.Hash{3})))
	want("staged", &fixtureStaged)(wrap(tx.Staged(item.Hash{3})))
	redo, ok, err := tx.Redo()
	want("redo", version.Vector{5: 1})(redo, err)
	want("redo committed", true)(ok, nil)
	want("peer", fixturePeer)(wrap(tx.PeerState("work")))
}

func wrap[T any](v T, err error) (any, error) { return v, err }
