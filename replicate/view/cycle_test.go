package view

import (
	"testing"

	"pgregory.net/rapid"

	"syncfs/journal/item"
	"syncfs/journal/version"
)

// However directories were moved by whom, once every cycle is undone each of them leads to the root.
func TestUndoneLeavesNoCycle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(t, "directories")
		anyID := rapid.Map(rapid.ByteRange(0, byte(n)), func(b byte) item.ID { return item.ID{b} })
		items := map[item.ID]*item.Item{}
		for i := range n {
			it := item.New(item.ID{byte(i + 1)}, true)
			it.Place = item.Place{
				Parent:    anyID.Draw(t, "parent"),
				From:      anyID.Draw(t, "from"),
				Timestamp: version.Timestamp{Time: rapid.Int64Range(0, 3).Draw(t, "placed")},
			}
			items[it.ID] = it
		}
		at := func(id item.ID) *item.Item { return items[id] }
		undone := map[item.ID]item.ID{}
		for id := range items {
			last, parent, ok := Undone(id, at)
			if ok == Rooted(id, at) {
				t.Fatalf("%s leads to the root: %v; it is below a cycle: %v", id, Rooted(id, at), ok)
			}
			if was, again := undone[last]; ok && again && was != parent {
				t.Fatalf("%s is shown in %s, and in %s", last, was, parent)
			}
			if ok {
				undone[last] = parent
			}
		}
		for id, parent := range undone {
			items[id].Place.Parent = parent
		}
		for id := range items {
			if !Rooted(id, at) {
				t.Fatalf("%s does not lead to the root", id)
			}
		}
	})
}
