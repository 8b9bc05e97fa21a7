package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"syncfs/cmd/config"
	"syncfs/cmd/control"
	"syncfs/journal"
)

// Options say how a folder is to be mounted. Dir is required.
type Options struct {
	Dir    string
	Config func(*config.Config) // puts flags over what config.toml says; nil: none were given
	Stderr io.Writer            // the log goes there too; nil: to its file alone
	Ready  func() error         // called when the mount serves; nil: nobody waits
}

const (
	// memoryLimit is what the daemon tries to stay within, unless GOMEMLIMIT says something else.
	memoryLimit = 256 << 20
	// garbage is how much of it there may be before it is collected, in percent of what is in use and within the limit,
	// unless GOGC says something else: a session that brings many files makes much of it, and collecting it as often as
	// Go does by itself takes a tenth of the time.
	garbage = 200
	// grace is how long programs that have files open are waited for once the mount is taken away.
	grace = 5 * time.Second
	// look is how often what can't be waited for is looked at.
	look = 50 * time.Millisecond
)

// Why a mounted daemon ends.
var (
	errStopped   = errors.New("asked to stop")
	errUnmounted = errors.New("unmounted")
)

// Run mounts a folder and serves it until ctx ends, a request asks it to stop, or somebody unmounts the
// folder.
func Run(ctx context.Context, o Options) error {
	dir, err := prepare(o.Dir)
	if err != nil {
		return err
	}
	s, err := openState(dir, o.Config)
	if err != nil {
		return err
	}
	defer s.close()
	log, file := openLog(s.dir, o.Stderr)
	defer file.Close()
	slog.SetDefault(log) // what libraries say through package log
	if err := settleIn(s.dir); err != nil {
		return err
	}
	log.Info("begins", "folder", s.folder, "name", s.config.Name, "version", Version)
	err = s.runMounted(ctx, log, o.Ready)
	if err != nil {
		log.Error("ends", "err", err)
		return err
	}
	log.Info("ends")
	return nil
}

// settleIn makes the process a daemon that holds no directory, changes no mode and keeps to its memory.
func settleIn(state string) error {
	if err := os.Chdir("/"); err != nil {
		return err
	}
	unix.Umask(0)
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	return recordCrash(state)
}

func (s *state) runMounted(ctx context.Context, log *slog.Logger, ready func() error) error {
	when, err := schedule(s.config)
	if err != nil {
		return err
	}
	listener, err := s.listenTCP()
	if err != nil {
		return err
	}
	r, err := s.takeOver(ctx, func() (*replica, error) { return s.open(log, when, false) })
	if err != nil {
		return err
	}
	if listener != nil {
		r.listen = listener.Addr().String()
	}
	if err := r.cover(); err != nil {
		return errors.Join(err, r.close())
	}
	err = r.serveMounted(ctx, listener, func() error {
		if s.first {
			if err := config.Write(s.dir, s.config); err != nil {
				return s.inFolder(err)
			}
		}
		if ready == nil {
			return nil
		}
		return ready()
	})
	return errors.Join(err, r.close())
}

// takeOverTime is how long a process that serves the unmounted folder has to end.
const takeOverTime = 10 * time.Second

// takeOver opens the replica. A process that serves peers from the folder while it is not mounted is told
// to end: they find the mounted one.
func (s *state) takeOver(ctx context.Context, open func() (*replica, error)) (*replica, error) {
	ctx, cancel := context.WithTimeout(ctx, takeOverTime)
	defer cancel()
	again := time.NewTicker(look)
	defer again.Stop()
	for {
		r, err := open()
		if !errors.Is(err, journal.ErrLocked) {
			return r, err
		}
		if conn, err := control.Dial(ctx, s.folder, os.Getuid()); err == nil {
			conn.Call(ctx, OpStop, nil, nil, nil) //nolint:errcheck // it may be about to end, or may not be asked to
			conn.Close()
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-again.C:
		}
	}
}

// listenTCP opens the port of the embedded server, if there is to be one.
func (s *state) listenTCP() (net.Listener, error) {
	if s.config.Listen == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", s.config.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w; choose another with --listen", s.config.Listen, err)
	}
	return l, nil
}
