package journal

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestLetGo(t *testing.T) {
	dir := t.TempDir()
	j := openDir(t, dir)
	for n := 0; n < 20_000; {
		must(t, j.Update(func(tx *Tx) error {
			for end := n + 1000; n < end; n++ {
				must(t, tx.PutKnown(file(n)))
			}
			return nil
		}))
	}
	must(t, j.Close()) // now it is in tables
	j = openDir(t, dir)
	defer j.Close()
	readAll := func() {
		must(t, j.View(func(tx *Tx) error {
			for n := range 20_000 {
				it, err := tx.Known(file(n).ID)
				must(t, err)
				if it == nil || !it.Equal(file(n)) {
					t.Fatalf("item %d: %v", n, it)
				}
			}
			return nil
		}))
	}
	readAll()
	before := tablesResident(t)
	if before == 0 {
		t.Fatal("no table is in memory: nothing is tested")
	}
	must(t, LetGo())
	if after := tablesResident(t); after > before/4 {
		t.Errorf("of %d kB of tables %d are in memory still", before, after)
	}
	readAll()
}

// tablesResident is how much of the tables counts as this process's memory, in kB.
func tablesResident(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/smaps")
	must(t, err)
	sum, ours := 0, false
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		switch {
		case !strings.HasSuffix(f[0], ":"):
			ours = strings.HasSuffix(line, table+"\n")
		case ours && f[0] == "Rss:":
			kb, err := strconv.Atoi(f[1])
			must(t, err)
			sum += kb
		}
	}
	return sum
}
