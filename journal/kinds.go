package journal

import (
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
)

// kinds tells of which kinds there are no keys: those are not looked for. Most replicas have no older state at most
// times, no directory of two items, no conflict; and each file asks for all of these.
//
// That there may be some is noted before the commit that puts the first. So no snapshot has a key of a kind
// of which there are none when it is read.
type kinds [256]struct{ none atomic.Bool }

// rare are the kinds that may well be found to have no keys where the journal is not new.
var rare = []byte{kindOlder, kindParent, kindUndone, kindMerged, kindCopy, kindConflict, kindStaged}

// fresh notes that there are no keys at all.
func (k *kinds) fresh() {
	for i := range k {
		k[i].none.Store(true)
	}
}

// look finds out of which rare kinds there are none.
func (k *kinds) look(db *badger.DB) (err error) {
	for i := range k {
		k[i].none.Store(false)
	}
	txn := db.NewTransaction(false)
	defer txn.Discard()
	for _, kind := range rare {
		tx := Tx{snapshot: txn, kinds: k}
		has, err := tx.has([]byte{kind})
		if err != nil {
			return err
		}
		k[kind].none.Store(!has)
	}
	return nil
}

// add notes the kinds of which a commit puts keys.
func (k *kinds) add(w *overlay) {
	for kind := range k {
		if k[kind].none.Load() && w.puts(byte(kind)) {
			k[kind].none.Store(false)
		}
	}
}

// has tells whether there may be keys that begin as this one does.
func (k *kinds) has(key []byte) bool { return len(key) == 0 || !k[key[0]].none.Load() }
