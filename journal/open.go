package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"golang.org/x/sys/unix"

	"syncfs/journal/canon"
)

// What Open ends with, told apart.
var (
	// ErrLocked: another process has the journal open.
	ErrLocked = errors.New("in use by another process: stop the syncfs that serves this folder (syncfs umount)")
	// ErrSchema: the journal was written by another version of syncfs.
	ErrSchema = errors.New("written in a format that this syncfs does not know: use the version that wrote it, or a later one")
)

// schema is the version of the key space and of every value in it.
const schema = 2

// Options of Open. The zero value of each field but Dir will do.
type Options struct {
	Dir      string       // made where it is not there
	InMemory bool         // keep nothing on disk; Dir is empty
	Logger   *slog.Logger // nil: none
}

// A Journal is the durable record of one replica. Its methods may be called at once.
type Journal struct {
	db    *badger.DB
	lock  *os.File     // flocked; nil in memory
	fsync func() error // of Badger: the active memtable and the value log

	// writer is held by the one Update at work. Nothing is locked after it but Badger's own.
	writer sync.Mutex
	tail   *tail    // guarded by writer
	spare  *overlay // of the last Update, for the next; guarded by writer; nil: none
	memory memory   // goes with it

	marks atomic.Uint64
	kinds kinds
}

// Open opens the journal in a directory, or makes a new one there. What an earlier process left
// there, killed or not, is on disk when Open returns.
func Open(o Options) (*Journal, error) {
	j, err := open(o)
	if err != nil {
		return nil, fmt.Errorf("journal %s: %w", o.Dir, err)
	}
	return j, nil
}

func open(o Options) (*Journal, error) {
	j := &Journal{}
	if !o.InMemory {
		var err error
		if j.lock, err = lock(o.Dir); err != nil {
			return nil, err
		}
		if err := errors.Join(checkRoomToOpen(o.Dir), syncFiles(o.Dir)); err != nil {
			j.lock.Close()
			return nil, err
		}
	}
	if err := j.start(o); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

func (j *Journal) start(o Options) error {
	db, err := badger.Open(badgerOptions(o))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	j.db, j.fsync = db, db.Sync
	if j.tail, err = newTail(o.Dir, j.fsync); err != nil {
		return err
	}
	if err := j.kinds.look(db); err != nil {
		return err
	}
	if err := j.Update(j.checkSchema); err != nil {
		return err
	}
	return j.Sync()
}

// lock takes the directory for this process: until the file is closed, and no longer than it lives.
func lock(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, os.NewSyscallError("flock", err)
	}
	return f, nil
}

// badgerOptions are for a daemon on a laptop: little memory, few goroutines, a quick start. States are
// small and stay in the tree; the value log gets only what is larger than the threshold. Tables are
// mapped and not compressed, so that reads need no cache but the kernel's.
func badgerOptions(o Options) badger.Options {
	return badger.DefaultOptions(o.Dir).
		WithInMemory(o.InMemory).
		WithLogger(logger{o.Logger}).
		WithBypassLockGuard(true). // the lock is ours
		WithSyncWrites(false).
		WithDetectConflicts(false). // there is one writer
		WithMetricsEnabled(false).
		WithNumGoroutines(1).
		WithNumCompactors(2).
		WithMemTableSize(memTableSize).
		WithNumMemtables(2).
		WithValueThreshold(1 << 20).
		WithValueLogFileSize(16 << 20).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithChecksumVerificationMode(options.OnBlockRead)
}

// checkSchema writes the version into a new journal, and reads it in any other.
func (j *Journal) checkSchema(tx *Tx) error {
	key := singleKey("schema")
	b, err := tx.get(key)
	if err != nil {
		return err
	}
	if b == nil {
		if !empty(tx.snapshot) {
			return ErrSchema
		}
		j.kinds.fresh()
		return tx.set(key, binary.AppendUvarint(nil, schema))
	}
	var v uint64
	if err := decode(key, b, func(r *canon.Reader) { v = r.Uvarint(1<<64 - 1) }); err != nil {
		return err
	}
	if v != schema {
		return fmt.Errorf("format %d: %w", v, ErrSchema)
	}
	return nil
}

func empty(txn *badger.Txn) bool {
	it := txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	it.Rewind()
	return !it.Valid()
}

// Close ends the journal. What it holds is on disk then. No other call may be at work. Where a full disk has no room for
// what Badger makes as it closes all is left as a process leaves it that is killed: the directory stays locked as long as
// this one lives.
func (j *Journal) Close() error {
	var errs []error
	if j.db != nil {
		if j.tail != nil && j.tail.dir != "" && errors.Is(checkRoom(j.tail.dir, rotationRoom), unix.ENOSPC) {
			return j.Sync()
		}
		errs = append(errs, j.db.Close())
	}
	if j.lock != nil {
		errs = append(errs, j.lock.Close())
	}
	return errors.Join(errs...)
}

// Backup writes all that the journal holds, as of one moment, for Restore.
func (j *Journal) Backup(w io.Writer) error {
	if _, err := j.db.Backup(w, 0); err != nil {
		return fmt.Errorf("journal: back up: %w", err)
	}
	return nil
}

// Restore reads what Backup wrote into a journal that holds nothing yet.
func (j *Journal) Restore(r io.Reader) error {
	j.writer.Lock()
	defer j.writer.Unlock()
	if err := j.db.Load(r, 16); err != nil {
		return fmt.Errorf("journal: restore: %w", err)
	}
	if err := j.kinds.look(j.db); err != nil {
		return err
	}
	return j.tail.look()
}
