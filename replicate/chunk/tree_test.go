package chunk_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"syncfs/replicate/chunk"
)

// chunks returns a list of n chunks of which nothing but the hashes exists.
func chunks(seed uint64, n int) chunk.List {
	r := rand.New(rand.NewPCG(seed, 0))
	l := make(chunk.List, n)
	for i := range l {
		for j := range l[i].Hash {
			l[i].Hash[j] = byte(r.Uint32())
		}
		l[i].Size = chunk.Min + r.IntN(chunk.Max-chunk.Min)
	}
	return l
}

// transfer tells list to one who knows others, and returns the number of nodes told.
func transfer(t interface{ Fatal(...any) }, list chunk.List, known ...chunk.List) int {
	theirs := chunk.NewTree(list)
	a := chunk.NewAssembly(list.Root(), list.Size(), chunk.NewTree(known...))
	told := 0
	for refs := a.Missing(); len(refs) > 0; refs = a.Missing() {
		var nodes [][]byte
		for _, r := range refs {
			n, ok := theirs.Node(r.Hash)
			if r.Root {
				n, ok = theirs.Root(r.Hash)
			}
			if !ok {
				t.Fatal("no such node")
			}
			b, _ := n.MarshalBinary()
			nodes = append(nodes, b)
		}
		told += len(nodes)
		if err := a.Give(nodes); err != nil {
			t.Fatal(err)
		}
	}
	got, err := a.List()
	if err != nil || !slices.Equal(got, list) {
		t.Fatal(err, "not the list that was told")
	}
	return told
}

func TestAListIsToldInTheSizeOfItsDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old := chunks(1, rapid.IntRange(0, 30_000).Draw(t, "chunks"))
		list := slices.Clone(old)
		edits := rapid.IntRange(0, 5).Draw(t, "edits")
		for range edits {
			at := rapid.IntRange(0, len(list)).Draw(t, "at")
			switch n := rapid.IntRange(0, 3).Draw(t, "chunks"); {
			case rapid.Bool().Draw(t, "insert"):
				list = slices.Insert(list, at, chunks(rapid.Uint64().Draw(t, "seed"), n)...)
			case at+n <= len(list):
				list = slices.Delete(list, at, at+n)
			}
		}
		// The root always; on each of at most three levels below it the nodes around an edit, and one more
		// level where the number of entries passes the bound of the root.
		if told := transfer(t, list, old); told > 1+edits*3*6+160 && edits > 0 || edits == 0 && told != 1 {
			t.Fatalf("%d nodes told for %d edits", told, edits)
		}
	})
}

func TestAFewChunksOfManyAreToldInAFewNodes(t *testing.T) {
	old := chunks(1, 160_000) // 10 GiB
	list := slices.Clone(old)
	list[70_000] = chunks(2, 1)[0]
	if told := transfer(t, list, old); told > 6 {
		t.Errorf("%d nodes told for one chunk", told)
	}
	all := transfer(t, list)
	if all < 160_000/64 || all > 160_000/16 {
		t.Errorf("%d nodes in all", all)
	}
}

func TestRootTellsContentsApart(t *testing.T) {
	seen := map[chunk.Hash]string{}
	for name, l := range map[string]chunk.List{
		"empty":        nil,
		"one":          chunks(1, 1),
		"two":          chunks(1, 2),
		"other":        chunks(2, 2),
		"other size":   {{Hash: chunks(1, 1)[0].Hash, Size: 1}},
		"one level":    chunks(1, 128),
		"two levels":   chunks(1, 129),
		"three levels": chunks(1, 10_000),
	} {
		if other, ok := seen[l.Root()]; ok {
			t.Errorf("%s has the root of %s", name, other)
		}
		seen[l.Root()] = name
	}
	one := chunk.Bytes([]byte("a"))
	if one.Root() == one[0].Hash {
		t.Error("a root is taken for a chunk")
	}
}

func TestWhatIsNoTreeIsRefused(t *testing.T) {
	list := chunks(1, 2_000)
	tree, root := chunk.NewTree(list), list.Root()
	n, _ := tree.Root(root)
	b, _ := n.MarshalBinary()

	give := func(root chunk.Hash, size int64, b []byte) error {
		return chunk.NewAssembly(root, size, chunk.NewTree()).Give([][]byte{b})
	}
	for name, err := range map[string]error{
		"another hash": give(chunk.Hash{1}, list.Size(), b),
		"another size": give(root, list.Size()+1, b),
		"cut short":    give(root, list.Size(), b[:len(b)-1]),
		"nothing":      give(root, list.Size(), nil),
		"too long":     give(root, list.Size(), make([]byte, chunk.MaxNode+40)),
	} {
		if !errors.Is(err, chunk.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	child := n.Entries[0]
	below, _ := tree.Node(child.Hash)
	cb, _ := below.MarshalBinary()
	if _, err := chunk.ParseNode(child.Hash, child.Size, n.Height-1, cb); err != nil {
		t.Error(err)
	}
	if _, err := chunk.ParseNode(child.Hash, child.Size+1, n.Height-1, cb); !errors.Is(err, chunk.ErrInvalid) {
		t.Error("another size than its parent says:", err)
	}
	if _, err := chunk.ParseRoot(child.Hash, cb); !errors.Is(err, chunk.ErrInvalid) {
		t.Error("a node for a root:", err)
	}
}

func FuzzAssembly(f *testing.F) {
	l := chunks(1, 300)
	n, _ := chunk.NewTree(l).Root(l.Root())
	b, _ := n.MarshalBinary()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		// With the hash right, all that is left to find out is what the node says.
		n, err := chunk.ParseRoot(chunk.RootHash(b), b)
		if err == nil && (n.Size() > chunk.MaxSize || len(n.Entries) > 128) {
			t.Fatal("out of bounds")
		}
	})
}
