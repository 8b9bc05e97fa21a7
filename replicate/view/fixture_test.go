package view

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"syncfs/journal/item"
	"syncfs/journal/version"
)

// Items of the tests have IDs of one letter, and timestamps like "5A": at five seconds, by replica A;
// "0" is that of first contact, and a rank may follow: "5A+1".

func id(s string) item.ID {
	var i item.ID
	copy(i[:], s)
	return i
}

func stamp(s string) version.Timestamp {
	s, rank, _ := strings.Cut(s, "+")
	n, _ := strconv.Atoi(rank)
	t := version.Timestamp{Replica: strings.TrimLeft(s, "0123456789"), Rank: uint32(n)}
	sec, _ := strconv.Atoi(strings.TrimSuffix(s, t.Replica))
	t.Time = int64(sec) * 1e9
	return t
}

func dot(s string) version.Dot {
	i, n, _ := strings.Cut(s, ".")
	in, _ := strconv.Atoi(i)
	seq, _ := strconv.Atoi(n)
	return version.Dot{Incarnation: version.Incarnation(in), Seq: uint64(seq)}
}

func content(s string) *item.Content {
	s, at, _ := strings.Cut(s, "@")
	return &item.Content{Symlink: true, Target: s, Size: int64(len(s)), Timestamp: stamp(at)}
}

// place is "ID of the parent / name @ timestamp", and where it came from after a "<".
func place(it *item.Item, s string) *item.Item {
	s, from, _ := strings.Cut(s, " < ")
	parent, s, _ := strings.Cut(s, "/")
	nm, at, _ := strings.Cut(s, "@")
	it.Place = item.Place{Parent: id(parent), Name: nm, From: id(from), Timestamp: stamp(at)}
	return it
}

// dir is a directory that a mark of presence keeps.
func dir(name, where string) *item.Item {
	it := place(item.New(id(name), true), where)
	it.Context[1] = 1
	it.Entries[dot("1.1")] = item.Entry{}
	return it
}

// file has entries like "1.1 x@5A", content x; "1.2 keeps x", a mark of presence; "gone" at the end.
func file(name, where string, entries ...string) *item.Item {
	it := place(item.New(id(name), false), where)
	for _, s := range entries {
		f := strings.Fields(s)
		d := dot(f[0])
		e := item.Entry{Gone: f[len(f)-1] == "gone"}
		if f[1] == "keeps" {
			e.Keeps = content(f[2])
		} else {
			e.Content = content(f[1])
		}
		it.Entries[d] = e
		it.Context[d.Incarnation] = max(it.Context[d.Incarnation], d.Seq)
	}
	return it
}

// presence is a file that a mark alone keeps, which keeps no content.
func presence(name, where string) *item.Item {
	it := dir(name, where)
	it.Dir = false
	return it
}

// removed is what a delete that saw all of an item leaves.
func removed(it *item.Item) *item.Item {
	for d, e := range it.Entries {
		e.Gone = true
		it.Entries[d] = e
	}
	return it
}

// writtenDown gives an item the ID of the conflict copy of a file that has the content of one entry.
func writtenDown(of, entry string, it *item.Item) *item.Item {
	it.ID = Copy(id(of), dot(entry))
	return it
}

func byID(items []*item.Item) map[item.ID]*item.Item {
	m := map[item.ID]*item.Item{}
	for _, it := range items {
		m[it.ID] = it
	}
	return m
}

// lines are the shown tree: "path = content [IDs]"; a copy has "copy of" an ID.
func lines(t *Tree) []string {
	var l []string
	var walk func(b *Branch)
	walk = func(b *Branch) {
		for _, n := range slices.Sorted(maps.Keys(b.Kids)) {
			k := b.Kids[n]
			l = append(l, line(k.Path(), k.Node))
			walk(k)
		}
	}
	walk(t.Root)
	return l
}

func line(path string, n Node) string {
	if n.Content != nil {
		path += " = " + n.Content.Target
	}
	if n.IsCopy() {
		return path + " copy of " + letter(n.CopyOf)
	}
	ids := ""
	for _, id := range n.IDs {
		ids += letter(id)
	}
	return fmt.Sprintf("%s [%s]", path, ids)
}

func letter(id item.ID) string { return strings.TrimRight(string(id[:]), "\x00") }

func want(t *testing.T, name string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got  %s\n want %s", name, strings.Join(got, "\n      "), strings.Join(want, "\n      "))
	}
}
