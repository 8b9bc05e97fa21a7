package e2e

import (
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// kills is how often a daemon is killed.
const kills = 50

// kill -9 of a daemon amid a session and amid local writes, at random points: after remount and flush the
// replicas are equal and everything written before the kill is there. SYNCFS_SEED repeats a run.
func TestKilledFiftyTimesNothingIsLost(t *testing.T) {
	seed := time.Now().UnixNano()
	if s := os.Getenv("SYNCFS_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseInt(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SYNCFS_SEED=%d", seed)
	random := rand.New(rand.NewSource(seed))
	a, b := pair(t)
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
	for path, text := range written {
		a.Want(path, text)
	}
	WantEqual(t, a, b)
	if n := a.Conflicts(); len(n) != 0 {
		t.Errorf("conflicts: %q", n)
	}
	for _, s := range []*station{a, b} {
		s.Umount()
		for path, text := range written {
			s.Want(path, text)
		}
	}
}

// A writer writes files, renames and edits them, until its station dies. What a call of the system said is
// done counts as written.
type writer struct {
	s    *station
	dir  string
	over sync.WaitGroup
	halt chan struct{}
	done map[string]string
}

func newWriter(s *station, dir string, seed int64) *writer {
	w := &writer{s: s, dir: dir, halt: make(chan struct{}), done: map[string]string{}}
	w.over.Go(func() { w.run(rand.New(rand.NewSource(seed))) })
	return w
}

// stop waits for the writer and gives what it has written.
func (w *writer) stop() map[string]string {
	close(w.halt)
	w.over.Wait()
	return w.done
}

func (w *writer) run(random *rand.Rand) {
	if os.Mkdir(w.s.Path(w.dir), 0o755) != nil {
		return
	}
	for i := 0; ; i++ {
		select {
		case <-w.halt:
			return
		default:
		}
		path := fmt.Sprintf("%s/file %d", w.dir, i)
		text := fmt.Sprintf("%d %s", i, make([]byte, random.Intn(20000)))
		if os.WriteFile(w.s.Path(path), []byte(text), 0o644) != nil {
			return
		}
		w.done[path] = text
		if random.Intn(4) == 0 {
			moved := path + " moved"
			delete(w.done, path) // where it is, is open until rename has returned
			if os.Rename(w.s.Path(path), w.s.Path(moved)) != nil {
				return
			}
			w.done[moved] = text
		}
	}
}

// wait lets other processes come as far as they come in that time.
func wait(d time.Duration) { <-time.After(d) }
