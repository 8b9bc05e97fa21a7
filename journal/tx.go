package journal

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"syncfs/journal/item"
)

// ErrTooLarge ends an Update that changes more than one transaction can hold. Nothing of it is kept;
// make the change in several.
var ErrTooLarge = errors.New("too large for one transaction of the journal")

// ErrReadOnly is that of a change in a View.
var ErrReadOnly = errors.New("a view of the journal cannot be changed")

// A Tx is a transaction: it sees the journal as it was when it began, with its own changes. It is for
// one goroutine, and ends with the function that was given it.
//
// A function given to an Each method ends the walk with its error, which the method returns. It may
// walk in turn, and change the transaction; whether the walk sees those changes is not said.
type Tx struct {
	snapshot *badger.Txn
	kinds    *kinds
	writes   *overlay // nil in a View
	memory
	maxKeys int64
	maxSize int64
}

// A memory is what an Update keeps of what it has read and done, empty in a View.
type memory struct {
	seen   map[string]*item.Item
	values map[string][]byte    // of the snapshot
	kin    map[string][]item.ID // who is of a family, by its prefix
	marked map[string]int       // how often a mark was set
}

// reset makes a memory as new, but for what it takes.
func (m *memory) reset() {
	clear(m.seen)
	clear(m.values)
	clear(m.kin)
	clear(m.marked)
}

// View calls fn with a transaction that changes nothing. Its error is returned as it is.
func (j *Journal) View(fn func(*Tx) error) error {
	snapshot := j.db.NewTransaction(false)
	defer snapshot.Discard()
	return fn(&Tx{snapshot: snapshot, kinds: &j.kinds})
}

// Update calls fn with a transaction and commits what it changed: whole or, where fn or Update
// returns an error, not at all. The error of fn is returned as it is. One Update is at work at a
// time; the others wait. When Update returns, every later View sees what it changed; it is on disk
// after the next Sync.
func (j *Journal) Update(fn func(*Tx) error) error {
	j.writer.Lock()
	defer j.writer.Unlock()
	snapshot := j.db.NewTransaction(false)
	defer snapshot.Discard()
	tx := &Tx{
		snapshot: snapshot, kinds: &j.kinds,
		maxKeys: j.db.MaxBatchCount(), maxSize: j.db.MaxBatchSize(),
	}
	tx.writes, tx.memory = j.take()
	defer j.keep(tx)
	if err := fn(tx); err != nil {
		return err
	}
	return j.commit(tx.writes)
}

// take is what a transaction needs, and keep takes it back. They are called with writer held.
func (j *Journal) take() (*overlay, memory) {
	if j.spare == nil {
		return newOverlay(), memory{}
	}
	o, m := j.spare, j.memory
	j.spare, j.memory = nil, memory{}
	return o, m
}

func (j *Journal) keep(tx *Tx) {
	if tx.writes.reset() {
		tx.memory.reset()
		j.spare, j.memory = tx.writes, tx.memory
	}
}

// usualKey is about how long a key is.
const usualKey = 48

// commit is called with writer held.
func (j *Journal) commit(w *overlay) error {
	if len(w.values) == 0 {
		return nil
	}
	if err := j.tail.before(w); err != nil {
		return err
	}
	txn := j.db.NewTransaction(true)
	defer txn.Discard()
	keys := make([]byte, 0, usualKey*len(w.values)) // all in one: there are many
	for key, value := range w.values {
		from := len(keys)
		keys = append(keys, key...)
		k := keys[from:len(keys):len(keys)]
		var err error
		if value == nil {
			err = txn.Delete(k)
		} else {
			err = txn.Set(k, value)
		}
		if err != nil {
			return commitError(err)
		}
	}
	j.kinds.add(w)
	if err := txn.Commit(); err != nil {
		return commitError(err)
	}
	if w.puts(kindDirty) {
		j.marks.Add(1)
	}
	return j.tail.after(w)
}

func commitError(err error) error {
	if errors.Is(err, badger.ErrTxnTooBig) {
		return ErrTooLarge
	}
	return fmt.Errorf("journal: commit: %w", err)
}

// maxValues bounds what an Update keeps of what it has read.
const maxValues = 8 << 10

// get is the value of a key, nil where there is none. It is not to be changed. An Update keeps what it reads:
// it comes back to the same directories for each of many entries.
func (tx *Tx) get(key []byte) ([]byte, error) {
	if tx.writes == nil {
		return tx.read(key)
	}
	if v, ok := tx.writes.values[string(key)]; ok {
		return v, nil
	}
	if !tx.kinds.has(key) {
		return nil, nil
	}
	if v, ok := tx.values[string(key)]; ok {
		return v, nil
	}
	v, err := tx.read(key)
	if err != nil {
		return nil, err
	}
	if tx.values == nil || len(tx.values) >= maxValues {
		tx.values = map[string][]byte{}
	}
	tx.values[string(key)] = v
	return v, nil
}

// read is the value of a key in the snapshot, nil where there is none.
func (tx *Tx) read(key []byte) (v []byte, err error) {
	if !tx.kinds.has(key) {
		return nil, nil
	}
	defer recovered(key, &err)
	it, err := tx.snapshot.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, broken(key, err)
	}
	if v, err = it.ValueCopy([]byte{}); err != nil {
		return nil, broken(key, err)
	}
	return v, nil
}

// written is the number of the Update that put a key, 0 where that is the one at work; false where there
// is no such key.
func (tx *Tx) written(key []byte) (number uint64, ok bool, err error) {
	if tx.writes != nil {
		if v, ok := tx.writes.values[string(key)]; ok {
			return 0, v != nil, nil
		}
	}
	if !tx.kinds.has(key) {
		return 0, false, nil
	}
	defer recovered(key, &err)
	it, err := tx.snapshot.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, broken(key, err)
	}
	return it.Version(), true, nil
}

// set puts a value, which the transaction keeps.
func (tx *Tx) set(key, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	return tx.write(key, value)
}

func (tx *Tx) delete(key []byte) error {
	if tx.writes != nil && !tx.kinds.has(key) && !tx.writes.has(key) {
		return nil // as it is
	}
	return tx.write(key, nil)
}

func (tx *Tx) write(key, value []byte) error {
	if tx.writes == nil {
		return ErrReadOnly
	}
	tx.forgetKin(key)
	tx.writes.put(key, value)
	// Badger marks the end of a transaction with an entry of its own, and wants to stay below both.
	if int64(len(tx.writes.values))+2 >= tx.maxKeys || tx.writes.size+1<<10 >= tx.maxSize {
		return ErrTooLarge
	}
	return nil
}

// mark makes a key without a value be there or not.
func (tx *Tx) mark(key []byte, there bool) error {
	if there {
		return tx.set(key, nil)
	}
	return tx.delete(key)
}
