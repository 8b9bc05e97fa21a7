package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A Handler answers one kind of request. progress may be called at any time before it returns.
type Handler func(ctx context.Context, args json.RawMessage, progress func(string)) (any, error)

// A Taker answers one kind of request that hands files over. It is done with them when it returns; ctx ends when the
// command does.
type Taker func(ctx context.Context, files []*os.File) error

// A Server answers the requests for one folder.
type Server struct {
	Handlers map[string]Handler
	Takers   map[string]Taker
	Logger   *slog.Logger
}

// Listen makes the socket of a folder. The caller holds the folder's journal, so a socket that is
// already there is left from a daemon that is gone. Closing the listener removes the socket.
func Listen(folder string) (net.Listener, error) {
	dirs, err := ownPlaces()
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(dirs))
	for i, dir := range dirs {
		paths[i] = filepath.Join(dir, socketName(folder))
		if err := os.Remove(paths[i]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("control socket: %w", err)
		}
	}
	l, err := net.Listen("unix", paths[0])
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(paths[0], 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("control socket: %w", err)
	}
	for _, link := range paths[1:] {
		if err := os.Symlink(paths[0], link); err != nil {
			l.Close()
			return nil, fmt.Errorf("control socket: %w", err)
		}
	}
	return &listener{Listener: l, links: paths[1:]}, nil
}

type listener struct {
	net.Listener
	links []string
}

func (l *listener) Close() error {
	err := l.Listener.Close()
	for _, link := range l.links {
		os.Remove(link)
	}
	return err
}

// requestTime is how long a command may take to say what it wants.
const requestTime = 10 * time.Second

// Serve takes requests until ctx ends, closes l, and returns when every answer is given: what is under
// way then is not cut off by it.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	defer l.Close()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	var answers sync.WaitGroup
	defer answers.Wait()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("control socket: %w", err)
		}
		answers.Go(func() {
			defer conn.Close()
			if err := s.answer(context.WithoutCancel(ctx), conn.(*net.UnixConn)); err != nil {
				s.Logger.Debug("control connection", "err", err)
			}
		})
	}
}

// nothing is the result of a request that has none.
var nothing = json.RawMessage("{}")

func (s *Server) answer(ctx context.Context, conn *net.UnixConn) error {
	if err := sameUser(conn, os.Getuid()); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(requestTime)); err != nil {
		return err
	}
	received := &receiver{conn: conn}
	defer received.close()
	in := bufio.NewReaderSize(received, 64<<10)
	req, err := readRequest(in)
	if err == nil {
		err = errors.Join(received.excess, conn.SetReadDeadline(time.Time{}))
	}
	if err != nil {
		return send(conn, reply{Error: err.Error()})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the connection, at the latest when answer returns and it is closed
		io.Copy(io.Discard, conn)
		cancel()
	}()
	if take, found := s.Takers[req.Op]; found {
		if err := send(conn, reply{Result: nothing}); err != nil {
			return err
		}
		if err := take(ctx, received.files); err != nil {
			return errors.Join(err, send(conn, reply{Error: err.Error()}))
		}
		return send(conn, reply{Result: nothing})
	}
	if handler, found := s.Handlers[req.Op]; found {
		return s.call(ctx, conn, handler, req.Args)
	}
	return send(conn, reply{Error: fmt.Sprintf("the daemon does not know %q: is it of another version?", req.Op)})
}

func (s *Server) call(ctx context.Context, conn io.Writer, handler Handler, args json.RawMessage) error {
	var mu sync.Mutex // guards conn: progress comes from anywhere
	result, err := handler(ctx, args, func(text string) {
		mu.Lock()
		defer mu.Unlock()
		send(conn, reply{Progress: text}) //nolint:errcheck // the result meets the same error
	})
	mu.Lock()
	defer mu.Unlock()
	if err != nil {
		return send(conn, reply{Error: err.Error()})
	}
	raw, err := json.Marshal(result)
	if err != nil {
		return err
	}
	return send(conn, reply{Result: raw})
}

func readRequest(in *bufio.Reader) (request, error) {
	var req request
	line, err := readLine(in, maxRequest)
	if err != nil {
		return req, err
	}
	return req, json.Unmarshal(line, &req)
}

// readLine reads up to a newline, at most limit bytes.
func readLine(in *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case len(line) > limit:
			return nil, errors.New("control line too long")
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && strings.TrimSpace(string(line)) != "":
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
	}
}

func send(w io.Writer, r reply) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// sameUser checks that the other end runs as uid or as root.
func sameUser(conn *net.UnixConn, uid int) error {
	cred, err := credentials(conn)
	if err != nil {
		return err
	}
	if cred.Uid != 0 && int(cred.Uid) != uid {
		return fmt.Errorf("control socket: the other end is user %d, not %d", cred.Uid, uid)
	}
	return nil
}

// credentials are those of the process at the other end.
func credentials(conn *net.UnixConn) (*unix.Ucred, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(err, credErr); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return cred, nil
}
