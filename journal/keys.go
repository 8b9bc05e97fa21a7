package journal

import (
	"encoding/binary"
	"fmt"

	"syncfs/journal/item"
	"syncfs/journal/version"
)

// The first byte of a key. The key space is drawn in doc.go.
const (
	kindKnown     = 'i'
	kindOlder     = 'o'
	kindLog       = 'l'
	kindUnstamped = 'u'
	kindChild     = 'c'
	kindParent    = 'p'
	kindHeld      = 'h'
	kindSingle    = 'm'
	kindCount     = 'n'
	kindUndone    = 'v'
	kindMerged    = 'g'
	kindCopy      = 'y'
	kindConflict  = 'f'
	kindDirty     = 'd'
	kindApplied   = 'a'
	kindWhere     = 'w'
	kindSlot      = 's'
	kindByRoot    = 'r'
	kindByInode   = 'x'
	kindAlike     = 'e'
	kindList      = 'L'
	kindChunk     = 'k'
	kindWanted    = 'q'
	kindStaged    = 't'
	kindRedo      = 'z'
	kindPeer      = 'P'
)

func knownKey(id item.ID) []byte     { return append([]byte{kindKnown}, id[:]...) }
func olderKey(id item.ID) []byte     { return append([]byte{kindOlder}, id[:]...) }
func unstampedKey(id item.ID) []byte { return append([]byte{kindUnstamped}, id[:]...) }
func heldKey(id item.ID) []byte      { return append([]byte{kindHeld}, id[:]...) }
func countKey(dir item.ID) []byte    { return append([]byte{kindCount}, dir[:]...) }
func undoneKey(id item.ID) []byte    { return append([]byte{kindUndone}, id[:]...) }
func mergedKey(id item.ID) []byte    { return append([]byte{kindMerged}, id[:]...) }
func copyKey(id item.ID) []byte      { return append([]byte{kindCopy}, id[:]...) }
func whereKey(id item.ID) []byte     { return append([]byte{kindWhere}, id[:]...) }
func singleKey(name string) []byte   { return append([]byte{kindSingle}, name...) }
func peerKey(name string) []byte     { return append([]byte{kindPeer}, name...) }
func stagedKey(root item.Hash) []byte {
	return append([]byte{kindStaged}, root[:]...)
}

func logPrefix(i version.Incarnation) []byte {
	return binary.BigEndian.AppendUint64([]byte{kindLog}, uint64(i))
}

// seqPrefix is where the log of an incarnation goes on from a number.
func seqPrefix(i version.Incarnation, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(logPrefix(i), seq)
}

func logKey(i version.Incarnation, seq uint64, id item.ID) []byte {
	return append(seqPrefix(i, seq), id[:]...)
}

func childPrefix(parent item.ID) []byte { return append([]byte{kindChild}, parent[:]...) }

// familyPrefix ends with NUL, which no name holds: no family is the beginning of another.
func familyPrefix(parent item.ID, family string) []byte {
	return append(append(childPrefix(parent), family...), 0)
}

func childKey(parent item.ID, family string, id item.ID) []byte {
	return append(familyPrefix(parent, family), id[:]...)
}

func parentPrefix(parent item.ID) []byte { return append([]byte{kindParent}, parent[:]...) }

func parentKey(parent, id item.ID) []byte { return append(parentPrefix(parent), id[:]...) }

func conflictKey(dir item.ID, family string) []byte {
	return append(append([]byte{kindConflict}, dir[:]...), family...)
}

func slotPrefix(kind byte, s Slot) []byte {
	return binary.BigEndian.AppendUint64([]byte{kind}, uint64(s))
}

func appliedKey(parent Slot, name string) []byte {
	return append(slotPrefix(kindApplied, parent), name...)
}

func byRootPrefix(root item.Hash) []byte { return append([]byte{kindByRoot}, root[:]...) }

func byInodePrefix(dev, ino uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte{kindByInode}, dev), ino)
}

func alikePrefix(l Alike) []byte { return append([]byte{kindAlike}, l[:]...) }

func listKey(root item.Hash) []byte { return append([]byte{kindList}, root[:]...) }

func listPieceKey(root item.Hash, n uint32) []byte {
	return binary.BigEndian.AppendUint32(listKey(root), n)
}

func chunkPrefix(hash item.Hash) []byte { return append([]byte{kindChunk}, hash[:]...) }

func chunkKey(hash item.Hash, at Location) []byte {
	return binary.BigEndian.AppendUint64(append(chunkPrefix(hash), at.Root[:]...), uint64(at.Offset))
}

func wantedPrefix(root item.Hash) []byte { return append([]byte{kindWanted}, root[:]...) }

func wantedKey(root item.Hash, id item.ID) []byte { return append(wantedPrefix(root), id[:]...) }

func redoKey(n uint64) []byte { return binary.BigEndian.AppendUint64([]byte{kindRedo}, n) }

// tailID is the ID that ends a key.
func tailID(key []byte) (id item.ID, err error) {
	if len(key) < 1+len(id) {
		return id, fmt.Errorf("journal: key %x: %w: cut short", key, ErrCorrupt)
	}
	return item.ID(key[len(key)-len(id):]), nil
}
