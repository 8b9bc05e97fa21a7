package bare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"

	"syncfs/fusefs"
	"syncfs/journal/change"
)

// asked is the first argument by which a program is run as the process that mounts.
const asked = "bare-mount"

// Nobody is the ordinary user who mounts where root tests: nil for one who is no root.
func Nobody() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: nobody, Gid: nobody}
}

const nobody = 65534

// Main does what the arguments of the process say, if that is for this package. The main function of a program that
// uses it calls it first.
func Main() (status int, ours bool) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == fusefs.HelperArg:
		return fusefs.HelperMain(), true
	case len(os.Args) == 4 && os.Args[1] == asked:
		if err := serve(os.Args[2], os.Args[3] == "counted"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// serve mounts, and answers each number on standard input by the requests counted so far, until it ends.
func serve(dir string, counted bool) error {
	log, requests := slog.New(slog.DiscardHandler), &counter{got: map[string]int{}}
	if counted {
		log = slog.New(requests)
	}
	m, err := fusefs.Mount(dir, fusefs.Options{Recorder: &deaf{}, Logger: log})
	if err != nil {
		return err
	}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for err = out.Encode(requests.counts()); err == nil; err = out.Encode(requests.counts()) {
		var n int
		if err = in.Decode(&n); err != nil {
			break
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	err = errors.Join(err, m.Unmount())
	m.Wait()
	return err
}

// deaf is a Recorder that keeps nothing.
type deaf struct{ n atomic.Uint64 }

func (d *deaf) Record(change.Change) uint64 { return d.n.Add(1) }

// A Mount is one by a process of its own.
type Mount struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	enc *json.Encoder
	dec *json.Decoder
}

// Start has program, whose main function calls Main, mount over dir, as another user if as is given. Counting
// requests slows the mount down. Like the daemon, it is in a session of its own: on a busy machine the kernel shares out
// time among sessions, and what has one together with the program that it serves would look twice as fast.
func Start(program, dir string, as *syscall.Credential, counted bool) (*Mount, error) {
	how := "uncounted"
	if counted {
		how = "counted"
	}
	cmd := exec.Command(program, asked, dir, how)
	cmd.Dir = "/"
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Setsid: true, Pdeathsig: syscall.SIGTERM}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	m := &Mount{cmd: cmd, in: in, enc: json.NewEncoder(in), dec: json.NewDecoder(out)}
	if err := m.dec.Decode(new(map[string]int)); err != nil {
		return nil, errors.Join(fmt.Errorf("mount %s: %w", dir, err), m.Stop())
	}
	return m, nil
}

// Requests returns how many requests of each kind the kernel has sent.
func (m *Mount) Requests() (map[string]int, error) {
	var got map[string]int
	err := m.enc.Encode(0)
	if err == nil {
		err = m.dec.Decode(&got)
	}
	return got, err
}

// Pid is the process that mounts.
func (m *Mount) Pid() int { return m.cmd.Process.Pid }

// Stop unmounts and waits for the end of the process.
func (m *Mount) Stop() error {
	m.in.Close()
	return m.cmd.Wait()
}
