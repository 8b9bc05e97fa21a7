package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// The same while a peer changes other files of the folder, and the same files: what programs hold open is theirs, and
// what they wrote is somewhere at the end.
//
// It does not hold yet: in some runs a flush is never done, over a content that nobody has: one side renames a file that it
// has not got, the other removes it. So it is for `make stress` alone.
func TestRandomBesideAPeer(t *testing.T) {
	if *randomBeside {
		randomly(t, (*chaos).besideAPeer)
	}
}

func (x *chaos) besideAPeer() {
	x.a.shell("mkdir beside same")
	x.b.shell("mkdir others")
	x.agree()

	stop := x.meanwhile(x.other("others", "tree", "t"))
	x.at(x.own("beside", "file", "f"), x.own("beside", "tree", "t"), x.twin("beside"))
	stop()
	x.agree()

	stop = x.meanwhile(x.other("same", "tree", "t"), x.replaced("same/f"))
	var written string
	x.at(x.own("same", "tree", "t"), func() { written = x.random(x.a, "file", "-handles", x.a.Path("same/f")) })
	stop()
	x.agree()
	if seen := x.list(x.a.Dir); !strings.Contains(seen, strings.TrimSpace(written)) {
		x.t.Errorf("what was written to same/f is nowhere: %s; names %q", written, x.a.Names("same"))
	}
}

// meanwhile does things again and again, and has b flush, until it is stopped.
func (x *chaos) meanwhile(things ...func()) (stop func()) {
	over := make(chan struct{})
	var all sync.WaitGroup
	for _, do := range append(things, func() { x.b.Try("flush", x.b.Dir, "--timeout", "10s") }) {
		all.Go(func() {
			for {
				do()
				select {
				case <-over:
					return
				default:
				}
			}
		})
	}
	return func() { close(over); all.Wait() }
}

func (x *chaos) other(dir, what, name string) func() {
	return func() { x.random(x.b, what, "-ops", "400", x.b.Path(dir+"/"+name)) }
}

// replaced has a file replaced on b.
func (x *chaos) replaced(path string) func() {
	return func() { x.b.shell(fmt.Sprintf("echo b > %[1]s.new && mv %[1]s.new %[1]s", path)) }
}
