package journal

import (
	"bytes"
	"testing"
)

// TestKeysOfARareKind: the first key of a kind is found from the commit on that puts it, by whoever began to read
// before it was known that there are any, and after the journal was opened again or restored.
func TestKeysOfARareKind(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(Options{Dir: dir})
	must(t, err)
	known, older := state(1), state(1)
	older.Context[7] = 1
	found := func(j *Journal, want bool) {
		t.Helper()
		must(t, j.View(func(tx *Tx) error {
			it, err := tx.Older(older.ID)
			if (it != nil) != want || j.kinds.has(olderKey(older.ID)) != want {
				t.Errorf("the older state is %v, looked for: %v", it, j.kinds.has(olderKey(older.ID)))
			}
			return err
		}))
	}
	must(t, j.Update(func(tx *Tx) error { return tx.PutKnown(known) }))
	found(j, false)
	must(t, j.Update(func(tx *Tx) error {
		if err := tx.DeleteOlder(older.ID); err != nil {
			return err
		}
		must(t, tx.PutOlder(older))
		if it, err := tx.Older(older.ID); it == nil || err != nil {
			t.Errorf("its own Update finds %v, %v", it, err)
		}
		return nil
	}))
	found(j, true)
	must(t, j.Close())

	j, err = Open(Options{Dir: dir})
	must(t, err)
	found(j, true)
	var backup bytes.Buffer
	must(t, j.Backup(&backup))
	copied := inMemory(t)
	found(copied, false)
	must(t, copied.Restore(&backup))
	found(copied, true)
	must(t, copied.Close())
	must(t, j.Update(func(tx *Tx) error { return tx.DeleteOlder(older.ID) }))
	must(t, j.Close())

	j, err = Open(Options{Dir: dir})
	must(t, err)
	found(j, false)
	must(t, j.Close())
}
