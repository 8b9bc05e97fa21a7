package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Names that are changed with one another at a peer are changed so here: who lists the directory all the time, and who
// watches it, meets no other name.
func TestSwappedNamesShowNoOther(t *testing.T) {
	a, b := pair(t)
	names := []string{"d", "e", "f", "g", "h"}
	for _, dir := range names[:2] {
		a.Write(dir+"/in", "of "+dir)
	}
	for _, file := range names[2:] {
		a.Write(file, "of "+file)
	}
	a.Flush()
	b.WantNames("", names...)

	watch, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	a.must(err)
	defer unix.Close(watch)
	_, err = unix.InotifyAddWatch(watch, b.Dir, unix.IN_MOVE|unix.IN_CREATE)
	a.must(err)
	stop, listed := make(chan struct{}), make(chan error)
	go func() { listed <- list(b.Dir, names, stop) }()
	for range 10 {
		for _, cycle := range [][]string{{"f", "g"}, {"d", "e"}, {"f", "g", "h"}, {"d", "f"}, {"g", "e", "h", "d"}} {
			for _, to := range cycle[1:] {
				a.must(unix.Renameat2(unix.AT_FDCWD, a.Path(cycle[0]), unix.AT_FDCWD, a.Path(to), unix.RENAME_EXCHANGE))
			}
		}
		a.Flush()
		WantEqual(t, a, b)
	}
	close(stop)
	if err := <-listed; err != nil {
		t.Error(err)
	}
	events := make([]byte, 1<<20)
	n, err := unix.Read(watch, events)
	a.must(err)
	if !strings.Contains(string(events[:n]), "f\x00") || strings.Contains(string(events[:n]), ".syncfs") {
		t.Errorf("told: %q", events[:n])
	}
}

// list lists a directory until it is to stop, and tells of another name than those.
func list(dir string, names []string, stop chan struct{}) error {
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		l, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, e := range l {
			if !slices.Contains(names, e.Name()) {
				return errors.New("seen: " + filepath.Join(dir, e.Name()))
			}
		}
	}
}

// Whoever is killed amid swaps that arrive takes none of them for its own: what a made of its folder stays so.
func TestKilledAmidSwapsNothingIsUndone(t *testing.T) {
	random := seeded(t)
	a, b := pair(t)
	names := []string{"c", "d", "e", "f", "g", "h", "i", "j"}
	for i, name := range names {
		if i%2 == 0 {
			a.Write(name+"/in", "of "+name)
			a.Write(name+"/deep/in", "deep in "+name)
		} else {
			a.Write(name, "of "+name)
		}
	}
	a.Flush()
	for range 20 {
		for range 4 {
			random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
			for _, to := range names[1 : 2+random.Intn(4)] {
				a.must(unix.Renameat2(unix.AT_FDCWD, a.Path(names[0]), unix.AT_FDCWD, a.Path(to), unix.RENAME_EXCHANGE))
			}
		}
		flush := make(chan struct{})
		go func() {
			defer close(flush)
			a.Try("flush", a.Dir, "--timeout", "5s")
		}()
		wait(time.Duration(random.Intn(40)) * time.Millisecond)
		b.Kill()
		<-flush
		b.Mount()
	}
	made := readTree(t, a.Dir)
	a.Flush()
	b.Flush()
	wantEqual(t, "a, as it was", made, "a", readTree(t, a.Dir))
	WantEqual(t, a, b)
}
