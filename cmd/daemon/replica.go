package daemon

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
	"syncfs/fusefs/backing"
	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate"
	"syncfs/replicate/disk"
	"syncfs/replicate/session"
	"syncfs/replicate/tree"
	"syncfs/sshpeer"
)

// A replica is an open folder: its journal, what keeps journal and disk at one another's heels, and what
// keeps it in step with its peers. Nothing of it runs before run.
type replica struct {
	*state
	log        *slog.Logger
	root       *os.Root // .syncfs
	journal    *journal.Journal
	tree       *tree.Tree
	disk       *disk.Folder
	under      underlying
	replicator *replicate.Replicator
	server     *sshpeer.Server
	meter      meter
	refused    refusals
	damage     damage
	listen     string // where the embedded server listens
	began      time.Time
}

// underlying is the folder as disk changes it: through the mount, or directly. It is set after disk is
// made, since the mount reports to disk, and before disk runs.
type underlying struct {
	disk.Disk
	mount  *fusefs.Mounted // nil: not mounted
	direct *backing.Folder // nil: mounted
}

// open opens the journal and wires the parts. schedule says when sessions are begun; bare: the folder will
// not be mounted.
func (s *state) open(log *slog.Logger, schedule replicate.Schedule, bare bool) (*replica, error) {
	r := &replica{
		state: s,
		log:   log,
		began: time.Now(),
		meter: meter{ended: map[string]traffic{}, open: map[*metered]bool{}},
	}
	if err := r.openJournal(); err != nil {
		r.close()
		return nil, err
	}
	if err := r.wire(schedule, bare); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *replica) openJournal() (err error) {
	if r.root, err = os.OpenRoot(r.dir); err != nil {
		return r.inFolder(err)
	}
	r.journal, err = journal.Open(journal.Options{Dir: filepath.Join(r.dir, "journal"), Logger: r.log})
	if errors.Is(err, journal.ErrLocked) {
		return fmt.Errorf("%s: %w", r.folder, journal.ErrLocked)
	}
	if err != nil {
		return r.inFolder(err)
	}
	r.tree, err = tree.New(r.journal, tree.Options{
		Name: r.config.Name,
		Now:  func() int64 { return time.Now().UnixNano() },
		Rand: rand.Reader,
	})
	if err != nil {
		return err
	}
	return r.tree.Recover()
}

func (r *replica) wire(schedule replicate.Schedule, bare bool) (err error) {
	r.disk, err = disk.New(disk.Options{
		Journal: r.journal,
		Tree:    r.tree,
		Disk:    &r.under,
		State:   r.root,
		Fetch: func(ctx context.Context, root item.Hash, size int64) error {
			return r.replicator.Fetch(ctx, session.Want{Root: root, Size: size})
		},
		Logger: r.log,
	})
	if err != nil {
		return err
	}
	var local session.Local = watched{r.disk, &r.under}
	if bare {
		local = unwatched{r.disk}
	}
	login, err := sshpeer.UserLogin()
	if err != nil {
		return err
	}
	dialer := &sshpeer.Dialer{Identity: r.identity, Members: r.members, Login: login}
	r.replicator = replicate.New(replicate.Options{
		Name:  r.config.Name,
		Local: local,
		Peers: r.peers,
		Dial: func(ctx context.Context, peer string) (session.Conn, error) {
			conn, err := dialer.Dial(ctx, peer)
			if err != nil {
				return nil, err
			}
			return r.meter.of(conn), nil
		},
		Schedule: schedule,
		Recall:   r.recall,
		Remember: r.remember,
		Logger:   r.log,
	})
	r.server = &sshpeer.Server{
		Identity: r.identity,
		Members:  r.members,
		Handle:   r.handle,
		Refused: func(refused sshpeer.Refusal) {
			r.refused.note(refused, time.Now())
			r.log.Warn("refused", "peer", refused.Peer, "from", refused.From, "err", refused.Err)
		},
	}
	return nil
}

// watched is a folder that is mounted: what the kernel has yet to tell the mount, such as that a file was closed, is
// told before a session begins.
type watched struct {
	*disk.Folder
	under *underlying
}

func (w watched) Begin(ctx context.Context) (version.Vector, error) {
	if err := w.under.mount.Sync(ctx); err != nil {
		return nil, fmt.Errorf("syncfs(2) on the mount: %w", err)
	}
	return w.Folder.Begin(ctx)
}

// unwatched is a folder that programs change without a word: a session begins with a look at all of it.
type unwatched struct{ *disk.Folder }

func (u unwatched) Begin(ctx context.Context) (version.Vector, error) {
	if !u.Status().Scanning {
		u.Rescan()
	}
	if err := u.WaitSettled(ctx); err != nil {
		return nil, err
	}
	return u.Folder.Begin(ctx)
}

// cover mounts the folder.
func (r *replica) cover() (err error) {
	r.under.mount, err = fusefs.Mount(r.folder, fusefs.Options{
		Recorder: recorder{r.disk, r.replicator.Changed},
		Replica:  r.config.Name,
		Absent:   r.disk,
		Logger:   r.log,
		ReadOnly: r.config.ReadOnly,
	})
	r.under.Disk = r.under.mount
	return err
}

// bare has disk change the folder directly.
func (r *replica) bare() (err error) {
	if r.under.direct, err = backing.Open(r.folder); err != nil {
		return err
	}
	r.under.Disk = r.under.direct
	return r.under.direct.Recover(r.config.Name)
}

// close fsyncs and closes the journal, once nothing runs any more.
func (r *replica) close() error {
	var errs []error
	if r.under.direct != nil {
		errs = append(errs, r.under.direct.Close())
	}
	if r.journal != nil {
		errs = append(errs, r.closeJournal())
	}
	if r.root != nil {
		errs = append(errs, r.root.Close())
	}
	return errors.Join(errs...)
}

// closeTime is how long the journal may take to close.
const closeTime = 30 * time.Second

// closeJournal fsyncs and closes the journal. Where the disk takes nothing any more (it is full, the folder
// was removed) the database tries for ever: the process then ends without, as in a crash.
func (r *replica) closeJournal() error {
	closed := make(chan error, 1)
	go func() { closed <- errors.Join(r.journal.Sync(), r.journal.Close()) }()
	select {
	case err := <-closed:
		return err
	case <-time.After(closeTime):
		return fmt.Errorf("%s: its journal can't be closed: is the disk full, or the folder gone? what was fsynced is kept", r.folder)
	}
}
