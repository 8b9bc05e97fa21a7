package churn

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"syncfs/fusefs"
	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/replicate/disk"
	"syncfs/replicate/tree"
)

// A Replica is a mounted folder with its journal. In a Network it has sessions with others.
type Replica struct {
	Name    string
	Dir     string // the mount
	Journal *journal.Journal
	Tree    *tree.Tree
	Folder  *disk.Folder
	Mount   *fusefs.Mounted

	under  struct{ disk.Disk }
	handle *os.File // on .syncfs
	state  *os.Root
	end    context.CancelFunc
	ended  chan error
}

// Start makes dir a replica, if it is none, and mounts it. Fetch has a content brought that a program waits for; nil:
// nobody has it.
func Start(dir, name string, log *slog.Logger, fetch func(context.Context, item.Hash, int64) error) (*Replica, error) {
	r := &Replica{Name: name, Dir: dir, ended: make(chan error, 1)}
	state := filepath.Join(dir, ".syncfs")
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, err
	}
	var err error
	if r.handle, err = os.Open(state); err != nil {
		return nil, err
	}
	// The mount will cover what the path leads to.
	state = fmt.Sprintf("/proc/self/fd/%d", r.handle.Fd())
	if r.state, err = os.OpenRoot(state); err != nil {
		return nil, errors.Join(err, r.close())
	}
	if r.Journal, err = journal.Open(journal.Options{Dir: filepath.Join(state, "journal"), Logger: log}); err != nil {
		return nil, errors.Join(err, r.close())
	}
	if err := r.wire(log, fetch); err != nil {
		return nil, errors.Join(err, r.close())
	}
	ctx, end := context.WithCancel(context.Background())
	r.end = end
	go func() { r.ended <- r.Folder.Run(ctx) }()
	return r, nil
}

func (r *Replica) wire(log *slog.Logger, fetch func(context.Context, item.Hash, int64) error) (err error) {
	r.Tree, err = tree.New(r.Journal, tree.Options{
		Name: r.Name, Now: func() int64 { return time.Now().UnixNano() }, Rand: rand.Reader,
	})
	if err != nil {
		return err
	}
	r.Folder, err = disk.New(disk.Options{
		Journal: r.Journal, Tree: r.Tree, Disk: &r.under, State: r.state, Fetch: fetch, Logger: log,
	})
	if err != nil {
		return err
	}
	r.Mount, err = fusefs.Mount(r.Dir, fusefs.Options{Recorder: r.Folder, Absent: r.Folder, Logger: log})
	r.under.Disk = r.Mount
	return err
}

// Rest returns when a flush would begin its sessions: what programs did is in the journal, and stamped.
func (r *Replica) Rest(ctx context.Context) error {
	if err := r.Mount.Sync(ctx); err != nil {
		return err
	}
	if err := r.Folder.WaitSettled(ctx); err != nil {
		return err
	}
	_, err := r.Folder.Begin(ctx)
	return err
}

// End takes the mount away and closes the journal.
func (r *Replica) End() error {
	err := r.Mount.Unmount()
	r.Mount.Wait()
	r.end()
	return errors.Join(err, <-r.ended, r.close())
}

func (r *Replica) close() error {
	var errs []error
	if r.Journal != nil {
		errs = append(errs, r.Journal.Close())
	}
	if r.state != nil {
		errs = append(errs, r.state.Close())
	}
	return errors.Join(append(errs, r.handle.Close())...)
}
