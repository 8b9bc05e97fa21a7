package journal

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"syncfs/journal/canon"
)

// ErrCorrupt: bytes on disk are not what was written there. Nothing is mended in silence.
var ErrCorrupt = errors.New("corrupt")

// Verify reads all that is in the tables of the journal and holds it against their checksums. A block
// that fails is passed over by Badger's lookups as if it were empty, so a journal that is to be
// trusted is verified once after it was opened; it may be in use meanwhile.
func (j *Journal) Verify() (err error) {
	defer func() {
		// Badger panics on some of what it cannot read.
		if r := recover(); r != nil {
			err = fmt.Errorf("journal: %w: %v", ErrCorrupt, r)
		}
	}()
	if err := j.db.VerifyChecksum(); err != nil {
		return fmt.Errorf("journal: %w: %w", ErrCorrupt, err)
	}
	return nil
}

// recovered makes a panic of Badger, at a block that it cannot read, the error of what was read.
func recovered(key []byte, err *error) {
	if r := recover(); r != nil {
		*err = broken(key, fmt.Errorf("%v", r))
	}
}

// decode reads the value of a key with fn, which has to read all of it.
func decode(key, value []byte, fn func(*canon.Reader)) error {
	r := canon.NewReader(value)
	fn(r)
	if err := r.End(); err != nil {
		return broken(key, err)
	}
	return nil
}

// broken is the error for a key that cannot be read as what it must be.
func broken(key []byte, err error) error {
	if errors.Is(err, badger.ErrDBClosed) || errors.Is(err, badger.ErrDiscardedTxn) {
		return fmt.Errorf("journal: %w", err)
	}
	return fmt.Errorf("journal: key %.40q: %w: %w", key, ErrCorrupt, err)
}
