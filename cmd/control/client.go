package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// A Conn is a connection to the daemon of a folder, good for one request.
type Conn struct {
	conn *net.UnixConn
	in   *bufio.Reader
}

// Dial reaches the daemon that user uid runs for a folder; ErrNone if none answers.
func Dial(ctx context.Context, folder string, uid int) (*Conn, error) {
	var dialer net.Dialer
	for _, dir := range places(uid) {
		if private(dir, uid) != nil {
			continue
		}
		conn, err := dialer.DialContext(ctx, "unix", filepath.Join(dir, socketName(folder)))
		if err != nil {
			continue
		}
		unixConn := conn.(*net.UnixConn)
		if err := sameUser(unixConn, uid); err != nil {
			conn.Close()
			return nil, err
		}
		return &Conn{conn: unixConn, in: bufio.NewReaderSize(conn, 64<<10)}, nil
	}
	return nil, fmt.Errorf("%s: %w", folder, ErrNone)
}

// PID is the daemon's process.
func (c *Conn) PID() (int, error) {
	cred, err := credentials(c.conn)
	if err != nil {
		return 0, err
	}
	return int(cred.Pid), nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.conn.Close() }

// Call makes the request op and waits for its result, which is put into result unless that is nil.
// When ctx ends the daemon gives up the request.
func (c *Conn) Call(ctx context.Context, op string, args, result any, progress func(string)) error {
	defer context.AfterFunc(ctx, func() { c.conn.Close() })()
	raw, err := c.call(op, args, progress)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	case result == nil:
		return nil
	}
	return json.Unmarshal(raw, result)
}

// HandOver makes the request op, which hands files over, and returns when the daemon says that it is done with them. When
// ctx ends it is called off.
func (c *Conn) HandOver(ctx context.Context, op string, files ...*os.File) error {
	defer context.AfterFunc(ctx, func() { c.conn.Close() })()
	_, err := c.call(op, nil, nil, files...)
	if err == nil {
		_, err = c.answer(nil)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (c *Conn) call(op string, args any, progress func(string), files ...*os.File) (json.RawMessage, error) {
	raw, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	line, err := json.Marshal(request{Op: op, Args: raw})
	if err != nil {
		return nil, err
	}
	if err := sendFiles(c.conn, append(line, '\n'), files); err != nil {
		return nil, gone(err)
	}
	return c.answer(progress)
}

// answer is what the daemon says next of the request.
func (c *Conn) answer(progress func(string)) (json.RawMessage, error) {
	for {
		line, err := readLine(c.in, maxReply)
		if err != nil {
			return nil, gone(err)
		}
		var r reply
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("the daemon's answer: %w", err)
		}
		switch {
		case r.Error != "":
			return nil, errors.New(r.Error)
		case r.Progress != "":
			if progress != nil {
				progress(r.Progress)
			}
		default:
			return r.Result, nil
		}
	}
}

func gone(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return err
	}
	return fmt.Errorf("the daemon ended in the middle of the request: %w", err)
}
