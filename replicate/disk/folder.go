package disk

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"syncfs/journal"
	"syncfs/journal/change"
	"syncfs/journal/item"
	"syncfs/journal/step"
	"syncfs/replicate/tree"
)

// Options are what a Folder needs from outside.
type Options struct {
	Journal *journal.Journal
	Tree    *tree.Tree
	Disk    Disk
	State   *os.Root // the directory .syncfs, opened before anything was mounted over it

	// Fetch has a content brought by some peer before others, and returns when it was committed to a
	// Stage, or can't be for now. A program waits meanwhile. The error wraps chunk.ErrGone if no peer has it. Nil:
	// only sessions bring contents.
	Fetch func(ctx context.Context, root item.Hash, size int64) error

	Logger *slog.Logger     // nil: nothing is logged
	Now    func() time.Time // nil: time.Now

	TrashAge  time.Duration // how long trash is kept; 0: 30 days
	TrashSize int64         // how much of it, in bytes; 0: 10 GiB
}

// A Folder keeps the journal and what is on disk at one another's heels. Its methods may be called by
// several at once, and return nothing useful before Run.
type Folder struct {
	options Options
	journal *journal.Journal
	tree    *tree.Tree
	disk    Disk
	log     *slog.Logger

	queue   *queue
	scanner *scanner
	staging *staging
	paths   paths

	asks    chan ask      // for the loop
	jobs    chan []job    // for the workers
	results chan []taken  // from the workers
	haste   chan struct{} // has room for one
	done    chan struct{} // closed when Run ends

	// visible is held while a transaction and the end of the queue that it journals change places:
	// who reads both sees them fit. The queue's lock may be taken after it.
	visible sync.RWMutex

	// The rest is the loop's own.
	journaled uint64 // order number of the last change in the journal
	works     *works
	held      census
	timers    []timer
	waiters   []waiter
	full      error // the journal has no room
	execution execution
	unread    unread
	loose     bool // steps were made that are neither journaled nor known to be durable
	brake     brake

	absent  atomic.Int64 // files whose content is not here
	unsafe  atomic.Bool  // programs did something that is journaled and may not be on disk
	joining atomic.Int32 // sessions of which a part is joined
	writing atomic.Value // time.Time: since when programs wrote files when the last session began, which has not what they wrote

	enduring sync.Mutex // held while what programs did is made durable: who finds nothing unsafe has waited for that

	mu      sync.Mutex // guards what others read of the loop's; nothing is locked after it
	status  Status
	refused map[string]error // by path
}

// ErrClosed: the folder is served no more.
var ErrClosed = errors.New("the folder is closed")

// New is the folder that o.Disk changes. It starts nothing.
func New(o Options) (*Folder, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &Folder{
		options: o, journal: o.Journal, tree: o.Tree, disk: o.Disk, log: o.Logger,
		queue: newQueue(), asks: make(chan ask), jobs: make(chan []job, 4), results: make(chan []taken, 4), haste: make(chan struct{}, 1),
		done:  make(chan struct{}),
		works: newWorks(), held: census{marked: map[journal.Slot]map[string]map[string]bool{}},
		refused: map[string]error{}, unread: unread{errs: map[key]error{}},
	}
	f.absent.Store(1) // until they are counted
	f.scanner = newScanner(f)
	f.execution.init()
	var err error
	f.staging, err = openStaging(f)
	return f, err
}

// Record takes a change that a program made, and returns its order number. It never waits.
func (f *Folder) Record(c change.Change) uint64 { return f.queue.add(recorded{Change: c}) }

// SetAbsent records, in order with changes, that a program set attributes of a file that is not here.
func (f *Folder) SetAbsent(path string, a step.Attr) {
	f.queue.add(recorded{Change: change.Change{Kind: change.Attr, Path: path}, attr: &a})
}

// Run serves the folder until ctx ends, and returns when all that it started has ended. What is not in the
// journal then is found by the scan of the next Run.
func (f *Folder) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	defer close(f.done)
	g.Go(func() error { return f.loop(ctx) })
	g.Go(func() error { return f.scanner.run(ctx) })
	g.Go(func() error { return f.staging.run(ctx) })
	g.Go(func() error { return f.expire(ctx) })
	g.Go(func() error { return f.hasten(ctx) })
	for range min(2, runtime.GOMAXPROCS(0)) {
		g.Go(func() error { return f.work(ctx) })
	}
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// work takes contents until ctx ends.
func (f *Folder) work(ctx context.Context) error {
	t := taker{disk: f.disk, now: f.options.Now}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case l := <-f.jobs:
			out := make([]taken, 0, len(l))
			for _, j := range l {
				out = append(out, t.take(j))
				if last := &out[len(out)-1]; last.err == nil && len(last.list) >= bulky {
					last.err = f.keepBulky(last.content.Root, last.list)
				}
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case f.results <- out:
			}
		}
	}
}
