package posix

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A user is a process that makes calls as one of the roles, in one directory.
type user struct {
	in  io.WriteCloser
	enc *gob.Encoder
	dec *gob.Decoder
	cmd *exec.Cmd
	log bytes.Buffer
}

// ids are the numbers of users and groups by name, as processes are told them.
type ids map[string]int

func (i ids) String() string {
	var all []string
	for name, n := range i {
		all = append(all, fmt.Sprintf("%s=%d", name, n))
	}
	sort.Strings(all)
	return strings.Join(all, " ")
}

// newUser starts a process in a directory.
func newUser(t *testing.T, program, dir string, names ids, who *syscall.Credential) *user {
	t.Helper()
	u := &user{cmd: exec.Command(program)}
	u.cmd.Dir = dir
	u.cmd.Env = append(os.Environ(), processEnv+"="+names.String())
	u.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	u.cmd.Stderr = &u.log
	in, err := u.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := u.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := u.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	u.in, u.enc, u.dec = in, gob.NewEncoder(in), gob.NewDecoder(out)
	t.Cleanup(func() {
		in.Close()
		hangs := time.AfterFunc(patience, func() { u.cmd.Process.Kill() })
		defer hangs.Stop()
		if err := u.cmd.Wait(); err != nil || u.log.Len() > 0 {
			t.Errorf("process in %s: %v\n%s", dir, err, &u.log)
		}
	})
	return u
}

// do makes calls in a row and returns what came of each.
func (u *user) do(batch ...[]string) ([]string, error) {
	hangs := time.AfterFunc(patience, func() { u.cmd.Process.Kill() })
	defer hangs.Stop()
	if err := u.enc.Encode(batch); err != nil {
		return nil, fmt.Errorf("%.200v: %w", batch, err)
	}
	var outcomes []string
	if err := u.dec.Decode(&outcomes); err != nil {
		return nil, fmt.Errorf("%.200v: %w", batch, err)
	}
	return outcomes, nil
}
