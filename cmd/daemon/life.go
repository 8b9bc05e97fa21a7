package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"syncfs/cmd/control"
	"syncfs/replicate"
	"syncfs/sshpeer"
)

// serveMounted runs a replica whose folder is mounted until ctx ends, it is asked to stop, the folder is
// unmounted by somebody else, or a part fails. tcp may be nil.
func (r *replica) serveMounted(ctx context.Context, tcp net.Listener, ready func() error) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	gone := make(chan struct{})

	below := start(r.disk.Run, end)
	sessions := start(r.replicator.Run, end)
	resting := start(func(ctx context.Context) error { return letGo(ctx, r.log) }, end)
	looking := start(func(ctx context.Context) error {
		return r.damage.look(ctx, r.log, r.disk.WaitSettled, r.journal.Verify)
	}, end)
	server := start(func(ctx context.Context) error {
		if tcp == nil {
			return nil
		}
		return r.server.Serve(ctx, tcp)
	}, end)
	answers, err := r.answer(ctx, end, map[string]control.Handler{
		OpStop: handle(func(ctx context.Context, _ none) (none, error) {
			end(errStopped)
			<-gone
			return none{}, nil
		}),
	})
	unmounted := make(chan struct{})
	go func() { // ends with the mount, at the latest when the process does
		r.under.mount.Wait()
		close(unmounted)
	}()
	if err == nil {
		err = ready()
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case <-unmounted:
			end(errUnmounted)
		}
		err = failure(context.Cause(ctx))
	}
	end(nil)

	err = errors.Join(err, server.stop(), sessions.stop(), resting.stop(), r.uncover(unmounted))
	r.journalRest()
	close(gone)
	if answers != nil {
		err = errors.Join(err, answers.stop())
	}
	err = errors.Join(err, below.stop(), looking.stop())
	select {
	case <-unmounted:
		return errors.Join(err, r.under.mount.Close())
	default: // programs have files open still: the mount ends with the process
		return err
	}
}

// failure is why a replica ended, if that is one.
func failure(cause error) error {
	if errors.Is(cause, errStopped) || errors.Is(cause, errUnmounted) || errors.Is(cause, context.Canceled) {
		return nil
	}
	return cause
}

// uncover brings what programs wrote to disk and takes the mount away. Who has files open is waited for a
// little.
func (r *replica) uncover(unmounted <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	select {
	case <-unmounted:
		return nil
	default:
	}
	if err := r.under.mount.Sync(ctx); err != nil {
		r.log.Warn("syncfs before unmount", "err", err)
	}
	if err := r.under.mount.Unmount(); err != nil {
		return err
	}
	select {
	case <-unmounted:
	case <-ctx.Done():
		r.log.Warn("programs still have files open: their calls end with an error")
	}
	return nil
}

// journalRest journals what programs did up to now. What can't be, or a scan that is cut off, is found by
// the next scan.
func (r *replica) journalRest() {
	if r.disk.Status().Scanning {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := r.disk.WaitSettled(ctx); err != nil {
		r.log.Warn("not all is journaled: the next scan takes it in", "err", err)
	}
}

// withReplica opens a folder that is not mounted and calls fn while its parts run. Others may join by way
// of the control socket; they are waited for. Yield: a mount may have it end.
func (s *state) withReplica(ctx context.Context, yield bool, fn func(context.Context, *replica) error) error {
	log, file := openLog(s.dir, nil)
	defer file.Close()
	slog.SetDefault(log)
	unix.Umask(0)
	r, err := s.open(log, replicate.Off, true)
	if err != nil {
		return err
	}
	if err := r.bare(); err != nil {
		return errors.Join(err, r.close())
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	more := map[string]control.Handler{}
	if yield {
		more[OpStop] = handle(func(context.Context, none) (none, error) {
			end(errStopped)
			return none{}, nil
		})
	}
	below := start(r.disk.Run, end)
	sessions := start(r.replicator.Run, end)
	answers, err := r.answer(ctx, end, more)
	if err == nil {
		err = fn(ctx, r)
		if errors.Is(context.Cause(ctx), errStopped) {
			err = nil
		}
		err = errors.Join(err, answers.stop())
	}
	err = errors.Join(err, sessions.stop())
	r.journalRest()
	return errors.Join(err, below.stop(), r.close())
}

// answer answers on the control socket; what is under way when it is stopped is answered still. Peers are served no
// longer than ctx lasts.
func (r *replica) answer(ctx context.Context, failed func(error), more map[string]control.Handler) (*part, error) {
	l, err := control.Listen(r.folder)
	if err != nil {
		return nil, err
	}
	s := &control.Server{Handlers: r.requests(), Logger: r.log}
	for op, handler := range more {
		s.Handlers[op] = handler
	}
	s.Takers = map[string]control.Taker{
		OpServe: func(asked context.Context, files []*os.File) error { return r.serveOn(ctx, asked, files) },
	}
	return start(func(ctx context.Context) error { return s.Serve(ctx, l) }, failed), nil
}

// serveOn serves one peer on the standard input and output that a command has handed over, until either context ends.
func (r *replica) serveOn(ctx, asked context.Context, files []*os.File) error {
	if len(files) != 2 {
		return fmt.Errorf("serve: %d files handed over, want standard input and output", len(files))
	}
	conn, err := sshpeer.Stdio(files[0], files[1])
	if err != nil {
		return err
	}
	defer context.AfterFunc(asked, func() { conn.Close() })()
	return r.server.ServeConn(ctx, conn)
}

// ServeFolder serves one peer, which conn leads to, from a folder that no daemon has open.
func ServeFolder(ctx context.Context, dir string, conn io.ReadWriteCloser) error {
	s, err := openState(dir, nil)
	if err != nil {
		return err
	}
	defer s.close()
	return s.withReplica(ctx, true, func(ctx context.Context, r *replica) error {
		return r.server.ServeConn(ctx, conn)
	})
}
