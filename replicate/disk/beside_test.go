package disk

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"syncfs/journal/change"
	"syncfs/journal/step"
)

var (
	storms  = flag.Int("storms", 0, "how many random storms to play")
	stormOf = flag.Int("storm", 150, "how many things each of their programs does")
)

// Programs do random things to few names on both sides while sessions go on all the time. In the end all is equal, and
// nothing waits for anything.
//
// About one storm in a thousand does not end so yet: it is for `make stress` alone.
func TestProgramsAtWorkOnBothSides(t *testing.T) {
	for i := range *storms {
		seed := *firstSeed + uint64(i)
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { besidePeer(t, seed) })
	}
}

func besidePeer(t *testing.T, seed uint64) {
	a, b := pair(t)
	var programs, sessions sync.WaitGroup
	for i, s := range []*station{a, b, a, b} {
		p := &program{station: s, rand: rand.New(rand.NewPCG(seed, uint64(i))), who: fmt.Sprint(s.name, i)}
		programs.Go(func() {
			for range *stormOf {
				p.something()
			}
		})
	}
	over := make(chan struct{})
	for _, way := range [][2]*station{{a, b}, {b, a}} {
		sessions.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if err := way[0].takeStates(way[0].ctx(), way[1]); err != nil {
					t.Error(err)
					return
				}
				if err := way[0].takeContents(way[0].ctx(), way[1]); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	programs.Wait()
	close(over)
	sessions.Wait()
	if t.Failed() {
		return
	}
	for range 3 { // what changed all the time is tried again later, or when somebody asks for it
		for _, s := range []*station{a, b} {
			s.must(s.folder.Retry(s.ctx()))
			s.settled()
		}
	}
	converge(t, a, b)
	for _, s := range []*station{a, b} {
		l, err := s.folder.Undone(s.ctx())
		s.must(err)
		if len(l) > 0 {
			s.dump()
			t.Errorf("%s: undone: %v", s.name, l)
		}
	}
	diff(t, "a", a.attributes(), "b", b.attributes())
}

// A program does random things at a station.
type program struct {
	*station
	rand   *rand.Rand
	who    string
	number int
}

// name is one of few, up to three deep.
func (p *program) name() string {
	names := make([]string, 1+p.rand.IntN(3))
	for i := range names {
		names[i] = string(rune('a' + p.rand.IntN(4)))
	}
	return strings.Join(names, "/")
}

func (p *program) something() {
	from, to := p.name(), p.name()
	switch n := p.rand.IntN(50); {
	case n < 12:
		p.number++
		data := fmt.Sprintf("%s %d", p.who, p.number)
		if p.rand.IntN(4) == 0 {
			data = fmt.Sprint("of many ", p.rand.IntN(3))
		}
		if st, err := p.Stat(from); err != nil || st.Kind == step.File {
			_ = p.write(from, data)
		}
	case n < 17:
		_ = p.mkdir(from)
	case n < 30:
		p.moves(from, to, n < 26)
	case n < 33:
		_ = p.fake.link(from, to)
	case n < 35:
		_ = p.symlink("nowhere/"+to, from)
	case n < 39:
		_ = p.unlink(from)
	case n < 42:
		_ = p.rmdir(from)
	case n < 44:
		if st, err := p.Stat(from); err == nil && st.Kind != step.Symlink {
			_ = p.chmod(from, uint32(0o700|p.rand.IntN(0o100)))
		}
	case n < 47:
		_ = p.utimes(from, 1e18+p.rand.Int64N(1e15))
	default:
		_ = p.setxattr(from, "user."+string(rune('a'+p.rand.IntN(2))), fmt.Sprint(p.rand.IntN(100)))
	}
}

// moves renames, or exchanges. Two names of one file the system leaves as they are, and tells nobody.
func (d *fake) moves(from, to string, over bool) {
	what := change.Exchange
	if over {
		what = change.Rename
	}
	_ = d.do(change.Change{Kind: what, Path: from, To: to}, func() error {
		a, errA := d.Stat(from)
		b, errB := d.Stat(to)
		switch {
		case errA != nil:
			return errA
		case errB == nil && a.Signature.Ino == b.Signature.Ino:
			return syscall.EINVAL
		case over:
			return syscall.Rename(d.path(from), d.path(to))
		}
		return unix.Renameat2(unix.AT_FDCWD, d.path(from), unix.AT_FDCWD, d.path(to), unix.RENAME_EXCHANGE)
	})
}

func (d *fake) utimes(path string, at int64) error {
	return d.do(change.Change{Kind: change.Attr, Path: path}, func() error { return setAttr(d.path(path), step.Attr{MTime: &at}) })
}
