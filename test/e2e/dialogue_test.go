package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// A dialogue is a program in the folder of a station that answers each line with a line.
type dialogue struct {
	in      io.Writer
	answers chan string
}

func newDialogue(t *testing.T, s *station, program string) (*dialogue, error) {
	ctx, cancel := context.WithCancel(context.Background())
	cmd := s.command(ctx, program)
	in, err := cmd.StdinPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	cmd.Stderr = os.Stderr
	d := &dialogue{in, make(chan string)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(d.answers)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			d.answers <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		in.Close()
		for range d.answers { // what nobody has asked for
		}
		<-read
		cmd.Wait()
		cancel()
	})
	return d, cmd.Start()
}

var errSilent = errors.New("no answer")

func (d *dialogue) ask(question string) (string, error) {
	if _, err := fmt.Fprintln(d.in, question); err != nil {
		return "", err
	}
	select {
	case answer, ok := <-d.answers:
		if !ok {
			return "", io.EOF
		}
		return strconv.Unquote(answer)
	case <-time.After(patience):
		return "", errSilent
	}
}

// buildTool builds a program of this module's directory test, once.
func buildTool(name string) (string, error) {
	build, _ := tools.LoadOrStore(name, sync.OnceValues(func() (string, error) {
		file := filepath.Join(base, "bin", name)
		out, err := exec.Command("go", "build", "-buildvcs=false", "-o", file, "syncfs/test/"+name).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
		return file, err
	}))
	return build.(func() (string, error))()
}

var tools sync.Map // by name, what builds it
