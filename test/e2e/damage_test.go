package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Bytes of the journal that the disk has changed are told after a start, though nobody reads them; and the mend that is
// told mends it.
func TestADamagedJournalIsTold(t *testing.T) {
	a, b := pair(t)
	a.shell("head -c 32M /dev/urandom > big; echo content > small; mkdir d; echo more > d/more")
	a.Flush()
	a.Umount()
	journal := a.Path(".syncfs/journal")
	tables, err := filepath.Glob(journal + "/*.sst")
	if err != nil || len(tables) == 0 {
		t.Fatalf("no table: %v", err)
	}
	table, err := os.ReadFile(tables[0])
	a.must(err)
	for i := len(table) * 6 / 10; i < len(table)*8/10; i += 100 { // where chunks are found by their hash
		table[i] ^= 0x55
	}
	a.must(os.WriteFile(tables[0], table, 0o600))

	a.Mount()
	told := func() bool {
		for _, p := range a.Status().Problems {
			if p.Path == ".syncfs/journal" && strings.Contains(p.What, "corrupt") && strings.Contains(p.What, "mount again") {
				return true
			}
		}
		return false
	}
	if !until(patience, told) {
		t.Fatalf("not told: %+v", a.Status())
	}
	a.Umount()
	a.must(os.Rename(journal, journal+".away"))
	a.Mount()
	a.FlushAtLast()
	WantEqual(t, a, b)
	if told() || a.Status().Conflicts > 0 {
		t.Errorf("%+v", a.Status())
	}
}
