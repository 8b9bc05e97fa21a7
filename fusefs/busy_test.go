package fusefs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Calls that wait for content keep no others from being answered, also where so much is asked that one thread reads it all.
func TestGoesOnBesideWhatWaits(t *testing.T) {
	const waiting = 20
	before := heap()
	files := map[string]string{}
	for i := range waiting {
		files[fmt.Sprint("absent", i)] = "content"
	}
	m, a := startAbsent(t, files)
	asked, come := make(chan struct{}, waiting), make(chan struct{})
	a.setFetch(func(ctx context.Context, _, _ string) error {
		asked <- struct{}{}
		select {
		case <-come:
		case <-ctx.Done():
		}
		return errors.New("no peer")
	})
	ended := make(chan error, waiting)
	for i := range waiting {
		for j := range 100 {
			m.write(fmt.Sprint("file", i, "-", j), "content")
		}
		go func() {
			f, err := os.Open(m.path(fmt.Sprint("absent", i)))
			if err == nil {
				f.Close()
			}
			ended <- err
		}()
		select {
		case <-asked:
		case <-time.After(patience):
			t.Fatal("not asked for")
		}
	}
	for i := range waiting {
		m.want(fmt.Sprint("file", i, "-99"), "content")
	}
	if grown := heap() - before; grown > waiting<<20 {
		t.Errorf("what waits holds %d bytes", grown)
	}
	close(come)
	for range waiting {
		if err := <-ended; !errors.Is(err, unix.EIO) {
			t.Errorf("open of what nobody has: %v", err)
		}
	}
}

// heap is what is in use of it.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what is kept for later use goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A mount ends at once when its connection does, also if a call waits for content then.
func TestEndsBesideWhatWaits(t *testing.T) {
	m, a := startAbsent(t, map[string]string{"absent": "content"})
	asked := make(chan struct{})
	a.setFetch(func(ctx context.Context, _, _ string) error {
		close(asked)
		<-ctx.Done()
		return ctx.Err()
	})
	opened := make(chan error, 1)
	go func() {
		f, err := os.Open(m.path("absent"))
		if err == nil {
			f.Close()
		}
		opened <- err
	}()
	select {
	case <-asked:
	case <-time.After(patience):
		t.Fatal("not asked for")
	}
	abort(m.Mounted)
	if err := <-opened; err == nil {
		t.Error("opened without content")
	}
	ended := make(chan struct{})
	go func() {
		m.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(fetchFor / 2):
		t.Error("the mount has not ended")
	}
}
