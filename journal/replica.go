package journal

import (
	"encoding/binary"

	"syncfs/journal/canon"
	"syncfs/journal/signature"
	"syncfs/journal/version"
)

// Knowledge is every update that the replica has seen.
func (tx *Tx) Knowledge() (version.Vector, error) {
	v := version.Vector{}
	err := tx.single("knowledge", func(r *canon.Reader) { v = version.ReadVector(r, version.MaxKnowledge) })
	return v, err
}

// SetKnowledge says what Knowledge is.
func (tx *Tx) SetKnowledge(v version.Vector) error {
	return tx.set(singleKey("knowledge"), v.Append(nil))
}

// Clock is the latest time that the replica's hybrid clock has given or seen.
func (tx *Tx) Clock() (int64, error) {
	var t int64
	err := tx.single("clock", func(r *canon.Reader) { t = r.Varint() })
	return t, err
}

// SetClock says what Clock is.
func (tx *Tx) SetClock(t int64) error {
	return tx.set(singleKey("clock"), binary.AppendVarint(nil, t))
}

// Folder is the signature of the folder that the journal was last seen with; zero where none was set.
func (tx *Tx) Folder() (signature.Signature, error) {
	var s signature.Signature
	err := tx.single("folder", func(r *canon.Reader) { s = readSignature(r) })
	return s, err
}

// SetFolder says what Folder is.
func (tx *Tx) SetFolder(s signature.Signature) error {
	return tx.set(singleKey("folder"), appendSignature(nil, s))
}

// single reads a value of which there is one. Where it was never put, read is not called.
func (tx *Tx) single(name string, read func(*canon.Reader)) error {
	key := singleKey(name)
	b, err := tx.get(key)
	if b == nil || err != nil {
		return err
	}
	return decode(key, b, read)
}
