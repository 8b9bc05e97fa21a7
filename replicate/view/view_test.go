package view

import (
	"math/rand"
	"testing"

	"syncfs/journal/item"
)

func TestWhole(t *testing.T) {
	const c = " (conflict 1970-01-01 00.00."
	for _, x := range []struct {
		name  string
		items []*item.Item
		want  []string
	}{
		{"empty", nil, nil},
		{"a file in a directory",
			[]*item.Item{dir("D", "/d@1A"), file("F", "D/f@2A", "1.1 x@2A")},
			[]string{"d [D]", "d/f = x [F]"}},
		{"a tombstone is not shown",
			[]*item.Item{removed(dir("D", "/d@1A")), removed(file("F", "/f@2A", "1.1 x@2A"))},
			nil},
		{"a removed directory shows for what is in it, and so does each above",
			[]*item.Item{removed(dir("D", "/d@1A")), removed(dir("E", "D/e@1A")), file("F", "E/f@2A", "1.1 x@2A")},
			[]string{"d [D]", "d/e [E]", "d/e/f = x [F]"}},

		{"a mark of presence keeps a file, and names its content",
			[]*item.Item{file("F", "/f@1A", "1.1 x@1A gone", "2.1 y@9B gone", "3.1 keeps x")},
			[]string{"f = x [F]"}},
		{"of contents that marks name the latest",
			[]*item.Item{file("F", "/f@1A", "1.1 x@1A gone", "2.1 y@9B gone", "3.1 keeps x", "4.1 keeps y")},
			[]string{"f = y [F]"}},
		{"a mark keeps its content though another replaced that, and removed what he wrote",
			[]*item.Item{file("F", "/f@1A", "1.1 x@1A gone", "2.1 y@9B gone", "3.1 keeps z")},
			[]string{"f = z [F]"}},
		{"a mark that is gone keeps nothing",
			[]*item.Item{file("F", "/f@1A", "1.1 x@1A gone", "2.1 keeps y", "3.1 keeps z gone")},
			[]string{"f = y [F]"}},
		{"a mark beside content that is not gone adds nothing",
			[]*item.Item{file("F", "/f@1A", "1.1 x@1A gone", "2.1 y@9B", "3.1 keeps x")},
			[]string{"f = y [F]"}},

		{"the latest content is shown, the other is a copy",
			[]*item.Item{file("F", "/f.c@1A", "1.1 x@5A", "2.1 y@6B")},
			[]string{"f" + c + "05 A).c = x copy of F", "f.c = y [F]"}},
		{"equal contents are one",
			[]*item.Item{file("F", "/f@1A", "1.1 x@5A", "2.1 x@6B")},
			[]string{"f = x [F]"}},
		{"a copy that was written down is an item, and no copy",
			[]*item.Item{file("F", "/f@1A", "1.1 x@5A", "2.1 y@6B"), writtenDown("F", "1.1", removed(file("C", "/z@5A+1", "1.1 x@5A")))},
			[]string{"f = y [F]"}},

		{"the file placed first has the name",
			[]*item.Item{file("F", "/f.c@2A", "1.1 x@2A"), file("G", "/f.c@1B", "2.1 y@1B")},
			[]string{"f" + c + "02 A).c = x [F]", "f.c = y [G]"}},
		{"placed at once: the lower ID",
			[]*item.Item{file("F", "/f@0", "1.1 x@0"), file("G", "/f@0", "2.1 y@0")},
			[]string{"f = x [F]", "f (conflict first) = y [G]"}},
		{"a directory takes the name from a file",
			[]*item.Item{file("F", "/a@1A", "1.1 x@1A"), dir("D", "/a@9B")},
			[]string{"a [D]", "a" + c + "01 A) = x [F]"}},
		{"conflict names are numbered where one is taken",
			[]*item.Item{dir("D", "/a@1A"), file("F", "/a@1A", "1.1 x@1A"), file("G", "/a@1A", "1.1 y@1A")},
			[]string{"a [D]", "a" + c + "01 A 2) = y [G]", "a" + c + "01 A) = x [F]"}},
		{"or wanted, by a name of the family",
			[]*item.Item{dir("D", "/a@1A"), file("F", "/a@1A", "1.1 x@1A"), file("G", "/a (conflict 1970-01-01 00.00.01 A)@7B", "1.1 y@7B")},
			[]string{"a [D]", "a" + c + "01 A 2) = x [F]", "a" + c + "01 A) = y [G]"}},
		{"names of other families have no say",
			[]*item.Item{file("F", "/a@1A", "1.1 x@1A"), file("G", "/b@1A", "1.1 x@1A")},
			[]string{"a = x [F]", "b = x [G]"}},

		{"files of one name and content are one node, the first placed first",
			[]*item.Item{file("F", "/a@2A", "1.1 x@2A"), file("G", "/a@1B", "2.1 x@1B")},
			[]string{"a = x [GF]"}},
		{"twins lose their name together",
			[]*item.Item{file("F", "/a@2A", "1.1 x@2A"), file("G", "/a@3B", "2.1 x@3B"), file("H", "/a@1B", "2.1 y@1B")},
			[]string{"a = y [H]", "a" + c + "02 A) = x [FG]"}},

		{"directories of one name are one, a live one first",
			[]*item.Item{removed(dir("D", "/a@1A")), dir("E", "/a@2B"), file("F", "D/f@3A", "1.1 x@3A"), file("G", "E/g@3B", "1.1 y@3B")},
			[]string{"a [ED]", "a/f = x [F]", "a/g = y [G]"}},
		{"what meets in merged directories has conflict names",
			[]*item.Item{dir("D", "/a@1A"), dir("E", "/a@2B"), file("F", "D/f@3A", "1.1 x@3A"), file("G", "E/f@4B", "1.1 y@4B")},
			[]string{"a [DE]", "a/f = x [F]", "a/f" + c + "04 B) = y [G]"}},

		{"a cycle is undone to where the latest came from",
			[]*item.Item{dir("P", "/p@1A"), dir("A", "B/a@2A < P"), dir("B", "A/b@3B < P")},
			[]string{"p [P]", "p/b [B]", "p/b/a [A]"}},
		{"to the root, if that is in a cycle itself",
			[]*item.Item{dir("A", "B/a@2A < B"), dir("B", "A/b@3B < A")},
			[]string{"b [B]", "b/a [A]"}},
		{"or was never seen",
			[]*item.Item{dir("A", "B/a@2A < X"), dir("B", "A/b@3B < X")},
			[]string{"b [B]", "b/a [A]"}},
		{"a cycle of removed directories is undone for what is in it",
			[]*item.Item{removed(dir("A", "B/a@2A")), removed(dir("B", "A/b@3B")), file("F", "A/f@1A", "1.1 x@1A")},
			[]string{"b [B]", "b/a [A]", "b/a/f = x [F]"}},
		{"what hangs below a cycle is shown below it",
			[]*item.Item{dir("A", "B/a@2A"), dir("B", "A/b@3B"), dir("C", "A/c@9C")},
			[]string{"b [B]", "b/a [A]", "b/a/c [C]"}},

		// what only a member who lies can send
		{"a file as a parent", []*item.Item{file("F", "/f@1A", "1.1 x@1A"), file("G", "F/g@1A", "1.1 y@1A")}, []string{"f = x [F]"}},
		{"a file without content", []*item.Item{presence("F", "/f@1A")}, nil},
		{"a parent that nobody knows", []*item.Item{file("F", "X/f@1A", "1.1 x@1A")}, nil},
	} {
		want(t, x.name, lines(Whole(byID(x.items))), x.want...)
	}
}

func TestByFindsItemsAndCopies(t *testing.T) {
	v := Whole(byID([]*item.Item{dir("D", "/d@1A"), file("F", "D/f@1A", "1.1 x@5A", "2.1 y@6B")}))
	for id, path := range map[item.ID]string{
		item.Root:                 "",
		id("D"):                   "d",
		id("F"):                   "d/f",
		Copy(id("F"), dot("1.1")): "d/f (conflict 1970-01-01 00.00.05 A)",
	} {
		if b := v.By[id]; b == nil || b.Path() != path {
			t.Errorf("%s is not at %q", id, path)
		}
	}
}

// Whatever the order in which the items of a family come, they get the same names.
func TestNamesDependOnNoOrder(t *testing.T) {
	items := []*item.Item{
		dir("A", "/a@3A"), dir("B", "/a@2B"), removed(dir("C", "/a@1B")),
		file("F", "/a@1A", "1.1 x@1A", "2.1 y@1A", "3.1 z@4B"), file("G", "/a@1A", "2.1 z@4B"), file("H", "/a@1A", "1.1 w@1A"),
	}
	show := func() (l []string) {
		for _, n := range Name(items, func(item.ID) bool { return false }) {
			l = append(l, line(n.Name, n))
		}
		return l
	}
	first := show()
	for range 50 {
		rand.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		want(t, "shuffled", show(), first...)
	}
}

func BenchmarkNameOfOneFile(b *testing.B) {
	items := []*item.Item{file("F", "/a@1A", "1.1 x@1A", "1.2 keeps x")}
	for b.Loop() {
		Name(items, func(item.ID) bool { return false })
	}
}
