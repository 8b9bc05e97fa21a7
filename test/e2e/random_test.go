package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	randomSeed = flag.Uint64("seed", 0, "that the random testers begin with; 0: another each time")
	randomOps  = flag.Int("ops", 4000, "how many random things are done to each file and each tree")
)

// Programs do random things to a file and to a tree: alone, while a peer changes what is beside, and while it changes
// the same. The file holds what was written; the tree answers as a plain directory does; all that is seen through
// the mount is underneath, and on the peer. By root and by an ordinary user, with many processors and with one.
func TestRandom(t *testing.T) {
	seed := *randomSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed %d -ops %d", seed, *randomOps)
	for _, procs := range []string{"", "GOMAXPROCS=1"} {
		for who, cred := range users(t) {
			t.Run(strings.TrimSpace(who+" "+procs), func(t *testing.T) { newChaos(t, cred, procs, seed).run() })
		}
	}
}

// A chaos is two stations of one user, of which a is watched.
type chaos struct {
	t      *testing.T
	a, b   *station
	native string // a plain directory of the user's
	seed   uint64
}

func newChaos(t *testing.T, cred *syscall.Credential, env string, seed uint64) *chaos {
	t.Helper()
	c := newCluster(t, embedded)
	x := &chaos{t: t, a: c.Station("a"), b: c.Station("b"), native: filepath.Join(c.dir, "native"), seed: seed}
	x.a.must(os.Mkdir(x.native, 0o755))
	for _, s := range []*station{x.a, x.b} {
		s.ownedBy(cred, x.native)
		if env != "" {
			s.env = []string{env}
		}
		s.Mount()
	}
	c.Link(x.a, x.b)
	return x
}

func (x *chaos) run() {
	x.a.shell("mkdir alone beside same")
	x.b.shell("mkdir others")
	x.agree()

	x.at(x.own("alone", "file", "f"), x.own("alone", "tree", "t"), x.twin("alone"))
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

	through := x.list(x.a.Dir)
	x.a.Umount()
	x.same("through the mount", through, "underneath", x.list(x.a.Dir))
}

// at does things at once.
func (x *chaos) at(things ...func()) {
	var all sync.WaitGroup
	for _, do := range things {
		all.Go(do)
	}
	all.Wait()
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

func (x *chaos) own(dir, what, name string) func() {
	return func() { x.random(x.a, what, x.a.Path(dir+"/"+name)) }
}

func (x *chaos) other(dir, what, name string) func() {
	return func() { x.random(x.b, what, "-ops", "400", x.b.Path(dir+"/"+name)) }
}

func (x *chaos) twin(dir string) func() {
	return func() { x.random(x.a, "twin", filepath.Join(x.native, dir), x.a.Path(dir+"/twin")) }
}

// replaced has a file replaced on b.
func (x *chaos) replaced(path string) func() {
	return func() { x.b.shell(fmt.Sprintf("echo b > %[1]s.new && mv %[1]s.new %[1]s", path)) }
}

// random runs a random tester as the user of a station.
func (x *chaos) random(s *station, args ...string) string {
	args = append([]string{args[0], "-seed", fmt.Sprint(x.seed), "-ops", fmt.Sprint(*randomOps)}, args[1:]...)
	ctx, cancel := context.WithTimeout(context.Background(), patience+time.Duration(*randomOps)*10*time.Millisecond)
	defer cancel()
	cmd := s.command(ctx, randomly(x.t), args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		x.t.Errorf("%s: random %s: %v\n%s", s.Name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// randomly is the program test/random.
func randomly(t *testing.T) string {
	t.Helper()
	file, err := buildTool("random")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// agree flushes until both stations say that all is done, and wants one tree on both.
func (x *chaos) agree() {
	x.t.Helper()
	x.a.FlushAtLast()
	x.b.FlushAtLast()
	x.same("a", x.list(x.a.Dir), "b", x.list(x.b.Dir))
}

func (x *chaos) list(dir string) string {
	x.t.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := x.a.command(ctx, randomly(x.t), "list", dir)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		x.t.Errorf("random list %s: %v\n%s%s", dir, err, &out, &errs)
	}
	return out.String()
}

// same wants two lists to be equal.
func (x *chaos) same(nameA, a, nameB, b string) {
	x.t.Helper()
	only := func(name, list, other string) (lines []string) {
		have := map[string]bool{}
		for l := range strings.SplitSeq(other, "\n") {
			have[l] = true
		}
		for l := range strings.SplitSeq(list, "\n") {
			if !have[l] {
				lines = append(lines, name+": "+l)
			}
		}
		return lines
	}
	if lines := append(only(nameA, a, b), only(nameB, b, a)...); len(lines) > 0 || a != b {
		x.t.Fatalf("%d lines differ:\n%s", len(lines), strings.Join(lines[:min(20, len(lines))], "\n"))
	}
}
