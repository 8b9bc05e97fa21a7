package item

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// An ID names an item for good: 128 bits. The zero ID is the root of the folder, which is no item.
type ID [16]byte

// Root is the ID of the folder itself.
var Root ID

// A Hash is a BLAKE3-256 digest.
type Hash [32]byte

func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Compare orders IDs.
func (id ID) Compare(o ID) int { return bytes.Compare(id[:], o[:]) }

// ParseID reads what String gives.
func ParseID(s string) (ID, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(ID{}) {
		return ID{}, fmt.Errorf("item ID %.40q: 32 hexadecimal digits are expected", s)
	}
	return ID(b), nil
}

// Found is the ID of what the scan that makes a folder a replica finds under a name: the same
// wherever the same is found, so that two folders that were equal are recognised as equal.
func Found(parent ID, name string, dir bool) ID {
	b := append([]byte("syncfs found\x00"), parent[:]...)
	if dir {
		b = append(b, 'd')
	} else {
		b = append(b, 'f')
	}
	sum := sha256.Sum256(append(b, name...))
	return ID(sum[:len(ID{})])
}

// FoundGroup is the link group of a file that the scan that makes a folder a replica finds under several names:
// the same wherever these are found, whatever other names the file has outside. Lowest is the least ID of theirs.
func FoundGroup(lowest ID) ID {
	sum := sha256.Sum256(append([]byte("syncfs links\x00"), lowest[:]...))
	return ID(sum[:len(ID{})])
}

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Compare orders hashes.
func (h Hash) Compare(o Hash) int { return bytes.Compare(h[:], o[:]) }
