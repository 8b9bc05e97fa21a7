package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// kills is how often a daemon is killed.
const kills = 50

// kill -9 of a daemon amid a session and amid local writes, at random points: after remount and flush the
// replicas are equal and everything written before the kill is there. SYNCFS_SEED repeats a run.
func TestKilledFiftyTimesNothingIsLost(t *testing.T) { asBoth(t, killed) }

// seeded is chance from a seed that is logged, or that SYNCFS_SEED gives.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := time.Now().UnixNano()
	if s := os.Getenv("SYNCFS_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseInt(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SYNCFS_SEED=%d", seed)
	return rand.New(rand.NewSource(seed))
}

func killed(t *testing.T, a, b *station) {
	random := seeded(t)
	written := map[string]string{} // on whichever station: names are its own
	for i := range kills {
		start := time.Now()
		victim := a
		if random.Intn(3) == 0 {
			victim = b
		}
		work := newWriter(victim, fmt.Sprintf("%s-%d", victim.Name, i), random.Int63())
		flush := make(chan struct{})
		go func() { // amid a session, unless that is over before
			defer close(flush)
			a.Try("flush", a.Dir, "--timeout", "5s")
		}()
		wait(time.Duration(random.Intn(300)) * time.Millisecond)
		victim.Kill()
		for path, text := range work.stop() {
			written[path] = text
		}
		<-flush
		flushed := time.Since(start)
		victim.Mount()
		t.Logf("kill %d of %s: %d files so far, flush ended after %v, mounted after %v", i+1, victim.Name, len(written),
			flushed.Round(time.Millisecond), time.Since(start).Round(time.Millisecond))
	}
	a.Flush()
	b.Flush()
	t.Logf("%d files were written", len(written))
	if n := a.Conflicts(); len(n) != 0 {
		t.Errorf("conflicts: %q", n)
	}
	a.Umount()
	b.Umount()
	WantEqual(t, a, b)
	for _, s := range []*station{a, b} {
		for path, text := range written {
			s.Want(path, text)
		}
	}
}

// A writer writes files, renames and edits them, until its station dies or its standard input ends, and then prints what it
// has written. What a call of the system said is done counts as written. It is a process of its own: none but its user
// may enter an ordinary user's mount.
type writer struct {
	t    *testing.T
	dir  string
	cmd  *exec.Cmd
	halt io.Closer
	out  bytes.Buffer
}

// writing makes the test binary a writer in that directory, with that seed.
const writing = "SYNCFS_E2E_WRITER"

func newWriter(s *station, dir string, seed int64) *writer {
	w := &writer{t: s.t, dir: dir, cmd: s.command(s.t.Context(), writerProgram(s.t))}
	w.cmd.Env = append(w.cmd.Env, fmt.Sprintf("%s=%d %s", writing, seed, s.Path(dir)))
	w.cmd.Stdout, w.cmd.Stderr = &w.out, os.Stderr
	var err error
	if w.halt, err = w.cmd.StdinPipe(); err == nil {
		err = w.cmd.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return w
}

// writerProgram is a copy of the test binary that any user may run.
func writerProgram(t *testing.T) string {
	file := filepath.Join(base, "bin", "writer")
	if _, err := os.Stat(file); err == nil {
		return file
	}
	content, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(file, content, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// stop waits for the writer and gives what it has written.
func (w *writer) stop() map[string]string {
	w.halt.Close()
	if err := w.cmd.Wait(); err != nil {
		w.t.Fatalf("writer: %v", err)
	}
	var names map[string]string
	if err := json.Unmarshal(w.out.Bytes(), &names); err != nil {
		w.t.Fatal(err)
	}
	done := map[string]string{}
	for name, text := range names {
		done[w.dir+"/"+name] = text
	}
	return done
}

// writeOn is a writer's main function.
func writeOn(order string) {
	halt := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(halt)
	}()
	number, dir, _ := strings.Cut(order, " ")
	seed, _ := strconv.ParseInt(number, 10, 64)
	json.NewEncoder(os.Stdout).Encode(writeFiles(dir, rand.New(rand.NewSource(seed)), halt))
}

func writeFiles(dir string, random *rand.Rand, halt <-chan struct{}) map[string]string {
	done := map[string]string{}
	if os.Mkdir(dir, 0o755) != nil {
		return done
	}
	for i := 0; ; i++ {
		select {
		case <-halt:
			return done
		default:
		}
		name := fmt.Sprintf("file %d", i)
		text := fmt.Sprintf("%d %s", i, bytes.Repeat([]byte("x"), random.Intn(20000)))
		if os.WriteFile(dir+"/"+name, []byte(text), 0o644) != nil {
			return done
		}
		done[name] = text
		if random.Intn(4) == 0 {
			moved := name + " moved"
			delete(done, name) // where it is, is open until rename has returned
			if os.Rename(dir+"/"+name, dir+"/"+moved) != nil {
				return done
			}
			done[moved] = text
		}
	}
}

// wait lets other processes come as far as they come in that time.
func wait(d time.Duration) { <-time.After(d) }
