package fusefs

import (
	"fmt"
	"os"
	"testing"

	"syncfs/journal/signature"
)

// While a directory of absent files is listed, others appear, vanish and are put in place: all that is there all the
// while is listed.
func TestAbsentFilesComeWhileListed(t *testing.T) {
	files := map[string]string{}
	for i := range 3000 {
		files[fmt.Sprintf("a file whose name is rather long %d", i)] = "content"
	}
	m, a := startAbsent(t, files)
	var there []string
	for name := range files {
		there = append(there, name)
	}
	vanishing, placed, staying := there[:100], there[100:200], there[100:]
	d, err := os.Open(m.dir)
	m.must(err)
	defer d.Close()
	times := map[string]int{}
	for round := 0; ; round++ {
		l, _ := d.Readdirnames(100)
		for _, name := range l {
			times[name]++
		}
		if len(l) == 0 {
			break
		}
		a.mu.Lock()
		for i := range 50 {
			a.files[fmt.Sprintf("new %d %d", round, i)] = "new"
		}
		for _, name := range vanishing[:min(10, len(vanishing))] {
			delete(a.files, name)
			vanishing = vanishing[1:]
		}
		a.mu.Unlock()
		for _, name := range placed[:min(5, len(placed))] {
			_, _, err := m.Place(m.stage("come", "content"), name, signature.Signature{})
			m.must(err)
			a.mu.Lock()
			delete(a.files, name)
			a.mu.Unlock()
			placed = placed[1:]
		}
	}
	for _, name := range staying {
		if times[name] == 0 {
			t.Errorf("%s is not listed", name)
		}
	}
	for _, name := range there[200:] {
		if times[name] > 1 {
			t.Errorf("%s is listed %d times", name, times[name])
		}
	}
}

// Offsets of absent files are in order, and apart from those underneath.
func TestOffsetsOfAbsentFiles(t *testing.T) {
	m, a := startAbsent(t, map[string]string{"a": "1", "b": "2"})
	all := m.v.cookies.of(a.AbsentIn(""))
	if len(all) != 2 || all[0].offset >= all[1].offset || all[0].offset <= absentOffset || all[1].offset >= lastOffset {
		t.Errorf("%v", all)
	}
}
