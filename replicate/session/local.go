package session

import (
	"context"
	"io"
	"iter"
	"time"

	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate/chunk"
)

// A Conn is a connection with one authenticated peer. Both sides may open streams, and accept those that
// the other opened, in the order in which it did. A stream is ordered, reliable and carries both ways; one
// goroutine reads it while one writes it. Close, of a stream or of the Conn, may be called beside anything;
// closing the Conn ends at once what waits in it and in its streams.
type Conn interface {
	Open(ctx context.Context) (io.ReadWriteCloser, error)
	Accept(ctx context.Context) (io.ReadWriteCloser, error)
	Peer() string // the peer's name as its key proves it
	Close() error
}

// Local is this replica as its sessions see it. All of it may be called by several at once: sessions with
// several peers run beside one another.
type Local interface {
	// Begin takes in all that was changed here before the call, stamps it, waits until it is on disk, and
	// returns what the replica has seen.
	Begin(ctx context.Context) (version.Vector, error)

	// Offer gives, of one moment no earlier than the last Begin, first what the replica had seen and
	// then the known state of each item whose context have doesn't cover. Every dot in these states is
	// stamped, on disk and covered by that knowledge. It ends with the first error of either function
	// and returns it. Join is not kept waiting by it.
	Offer(ctx context.Context, have version.Vector, knowledge func(version.Vector) error, state func(*item.Item) error) error

	// Join joins the states of a peer and then its knowledge: whole and on disk when it returns nil, else not
	// at all. It doesn't keep the iterator. An error that the iterator yields is its end: nothing is joined and
	// the error is returned. States that no honest peer sends are refused whole with an error that says why.
	// Where it takes long, part is called each time that Wanted yields more by then; it returns at once.
	Join(ctx context.Context, states iter.Seq2[*item.Item, error], knowledge version.Vector, part func()) error

	// Wanted yields the contents that known states ask for and that are not here, each once, those first that
	// ought to come first; none of which passed says that the caller needs no more of it. What was committed to a
	// Stage is not yielded again unless the commit came to nothing. Coming: what is on its way is waited for, to be
	// yielded should it not come; else Wanted waits for nothing. The loop's body may take long.
	Wanted(ctx context.Context, passed func(item.Hash) bool, coming bool) iter.Seq2[Want, error]

	// Stage opens the place where a content is put together. Of one content, one Stage is open at a time.
	Stage(ctx context.Context, w Want) (Stage, error)

	// Rest says what of the states known is not on disk yet. It is quick.
	Rest(ctx context.Context) (Rest, error)

	// Settle returns when all that was joined and committed before the call is in place, or can't be for now.
	Settle(ctx context.Context) error

	// List returns the chunks of a content that is here, or an error that wraps chunk.ErrGone.
	List(ctx context.Context, root item.Hash) (chunk.List, error)

	// ReadContent returns a whole content of at most Small bytes, whose root hash need not be checked
	// again, or an error that wraps chunk.ErrGone.
	ReadContent(ctx context.Context, root item.Hash) ([]byte, error)

	// ReadChunk returns a chunk that is anywhere in the folder.
	chunk.Source
}

// A Want is a content that is not here.
type Want struct {
	Root item.Hash
	Size int64
	Near []item.Hash // contents here that may have much in common with it: an older version of the same item
}

// A Stage is a content that is put together. Bytes are written once each, in any order and by several at
// once. What an earlier try left may be in it, so that a transfer cut off goes on where it was: ReadAt
// gives what is there, io.EOF where nothing was written.
type Stage interface {
	io.ReaderAt
	io.WriterAt

	// Commit hands over the whole content, every byte checked: the list's root hash is the one wanted.
	// It ends the Stage. It doesn't wait for the disk, except for being held back while too much is on
	// its way there.
	Commit(ctx context.Context, l chunk.List) error

	// Close ends the Stage. What was not committed may be kept for the next try. After Commit it does
	// nothing.
	Close() error
}

// Rest is what of the states known is not on disk.
type Rest struct {
	Wanted int // contents not here
	Steps  int // steps held, refused by the disk, or put off while a program writes the file

	// The folder is still being compared with the journal: there may be changes that nobody has been told of.
	Scanning bool

	// For how long the file has been written that programs have been writing longest, and that is not in the journal
	// as it is now; 0: there is none.
	Writing time.Duration
}

// Small is the size up to which a content is sent whole in one answer with others.
const Small = 64 << 10
