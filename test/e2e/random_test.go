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
	randomSeed   = flag.Uint64("seed", 0, "that the random testers begin with; 0: another each time")
	randomBeside = flag.Bool("beside", false, "random things also beside a peer that does random things")
	randomOps    = flag.Int("ops", 4000, "how many random things are done to each file and each tree")
)

// Programs do random things to a file and to a tree. The file holds what was written; the tree answers as a plain
// directory does; all that is seen through the mount is underneath, and on the peer. By root and by an ordinary user,
// with many processors and with one.
func TestRandom(t *testing.T) { randomly(t, (*chaos).alone) }

// randomly has a story told by each kind of user, with many processors and with one.
func randomly(t *testing.T, story func(*chaos)) {
	t.Helper()
	seed := *randomSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed %d -ops %d", seed, *randomOps)
	for _, procs := range []string{"", "GOMAXPROCS=1"} {
		for who, cred := range users(t) {
			t.Run(strings.TrimSpace(who+" "+procs), func(t *testing.T) { story(newChaos(t, cred, procs, seed)) })
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

func (x *chaos) alone() {
	x.a.shell("mkdir alone")
	x.at(x.own("alone", "file", "f"), x.own("alone", "tree", "t"), x.twin("alone"))
	x.agree()
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

func (x *chaos) own(dir, what, name string) func() {
	return func() { x.random(x.a, what, x.a.Path(dir+"/"+name)) }
}

func (x *chaos) twin(dir string) func() {
	return func() { x.random(x.a, "twin", filepath.Join(x.native, dir), x.a.Path(dir+"/twin")) }
}

// random runs a random tester as the user of a station.
func (x *chaos) random(s *station, args ...string) string {
	args = append([]string{args[0], "-seed", fmt.Sprint(x.seed), "-ops", fmt.Sprint(*randomOps)}, args[1:]...)
	ctx, cancel := context.WithTimeout(context.Background(), patience+time.Duration(*randomOps)*10*time.Millisecond)
	defer cancel()
	cmd := s.command(ctx, randomTester(x.t), args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		x.t.Errorf("%s: random %s: %v\n%s", s.Name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// randomTester is the program test/random.
func randomTester(t *testing.T) string {
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
	cmd := x.a.command(ctx, randomTester(x.t), "list", dir)
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
