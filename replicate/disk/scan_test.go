package disk

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"
)

// What programs replace and remove while the scan of a start has not come to it is what they replace and remove: no name
// is taken for taken still.
func TestReplacedWhileScanning(t *testing.T) {
	a := newStation(t, "a").begin().settled()
	for _, f := range []string{"replaced", "removed"} {
		a.must(a.write(f, "1"))
	}
	a.settled().end()
	scan := make(chan struct{})
	a.listing = func(string) { <-scan }
	a.begin()
	a.must(a.write("tmp", "2"))
	a.must(a.rename("tmp", "replaced"))
	a.must(a.unlink("removed"))
	for _, f := range []string{"replaced", "removed"} {
		a.must(a.write(f, "3"))
		a.must(a.folder.taken(a.ctx()))
		a.must(a.write("tmp", "4"))
		a.must(a.rename("tmp", f))
		a.must(a.folder.taken(a.ctx()))
	}
	close(scan)
	a.settled()
	a.must(a.folder.Settle(a.ctx()))
	if l := a.files(); len(l) != 2 || l["replaced"] != "4" || l["removed"] != "4" {
		t.Errorf("%q", l)
	}
}

// Who waits for the loop, as a scan does, ends when it is to end, also if the loop asks nobody any more: umount would hang
// for good.
func TestWaitingEndsWithoutTheLoop(t *testing.T) {
	a := newStation(t, "a").begin().settled()
	ctx, cancel := context.WithCancel(a.ctx())
	waiting := make(chan struct{}, 1) // the loop has asked
	waited := make(chan error, 1)
	go func() {
		waited <- a.folder.await(ctx, func() bool {
			select {
			case waiting <- struct{}{}:
			default:
			}
			return false
		})
	}()
	<-waiting
	busy := make(chan struct{})
	stuck := make(chan struct{})
	go a.folder.do(a.ctx(), func() error {
		close(stuck)
		<-busy
		return nil
	})
	<-stuck
	cancel()
	select {
	case err := <-waited:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(patience / 6):
		t.Error("it waits still")
	}
	close(busy)
}

// A file that a step has moved just before a crash, and that is written before the scan has found it, is the same file.
func TestWrittenWhereAStepHasPutIt(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "1"))
	a.must(a.write("h", "3"))
	converge(t, a, b)
	a.must(a.rename("f", "g"))
	b.crashAfter("move", func() error { return b.showsStates(a) })
	listed := b.beginUnlisted()
	b.must(b.write("g", "2"))
	b.must(b.unlink("h"))
	b.must(b.folder.do(b.ctx(), b.folder.drain))
	listed()
	converge(t, a, b)
	diff(t, "disk", a.fake.tree(), "wanted", map[string]string{"g": `644 "2"`})
}

// The attributes of a directory that were set while nobody looked are taken in.
func TestDirectorySetWhileNobodyLooked(t *testing.T) {
	a, b := pair(t)
	a.must(a.mkdir("d"))
	converge(t, a, b)
	a.end()
	a.must(a.setxattr("d", "user.k", "v"))
	a.begin().settled()
	converge(t, a, b)
	if x, err := b.XAttrs("d"); err != nil || x["user.k"] != "v" {
		t.Errorf("%v, %v", x, err)
	}
}

// A directory that a step has put in the place of a file which is not here, just before a crash, is what a program
// removes there before the scan has found it: not the file.
func TestRemovedInThePlaceOfAnAbsentFile(t *testing.T) {
	for how, does := range map[string]func(b *station) error{
		"removed":  func(b *station) error { return b.rmdirSeen("p") },
		"replaced": func(b *station) error { _, err := b.renameSeen("other", "p"); return err },
	} {
		t.Run(how, func(t *testing.T) {
			a, b := pair(t)
			a.must(a.mkdir("e"))
			a.must(a.mkdir("other"))
			a.must(a.write("p", "1"))
			b.states(a)
			b.settled()
			a.must(a.exchange("e", "p"))
			b.crashAfter("move", func() error { return b.showsStates(a) })
			listed := b.beginUnlisted()
			b.must(does(b))
			b.must(b.folder.do(b.ctx(), b.folder.drain))
			listed()
			converge(t, a, b)
			a.want("e", "1")
		})
	}
}

// While a directory is looked at a program has another change places with it: what is new in it is found all the same.
func TestScanOfADirectoryThatIsRenamed(t *testing.T) {
	a, b := pair(t)
	for _, d := range []string{"d", "other"} {
		a.must(a.mkdir(d))
	}
	converge(t, a, b)
	var once sync.Once
	a.names.Lock()
	a.must(os.WriteFile(a.path("d/unseen"), []byte("1"), 0o644))
	a.listing = func(path string) {
		if path == "d" {
			once.Do(func() { a.must(a.exchange("d", "other")) })
		}
	}
	a.names.Unlock()
	a.must(a.folder.do(a.ctx(), func() error {
		return a.folder.update(func(b *batch) error { return b.lookAgain("d/unseen") })
	}))
	a.settled()
	converge(t, a, b)
	b.want("other/unseen", "1")
}
