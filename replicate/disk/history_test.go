package disk

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"syncfs/journal/item"
	"syncfs/journal/step"
)

var (
	histories = flag.Int("histories", 25, "how many random histories to play")
	firstSeed = flag.Uint64("seed", 1, "the seed of the first")
)

// world is a few stations on which programs work at random.
type world struct {
	t        *testing.T
	rand     *rand.Rand
	stations []*station

	mu       sync.Mutex // guards what follows; programs of several stations work at once
	number   int
	lost     map[string]string // contents that no program has replaced or removed, and who wrote them
	replaced map[string]bool   // those that one has
}

// wrote notes a content that is to be kept from now on. One that was replaced or removed before is not: the same bytes
// are no edit, so where the old file is still to be found with them, they go as it goes.
func (w *world) wrote(data, who string) (first bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.replaced[data] || w.lost[data] != "" {
		return false
	}
	w.lost[data] = who
	return true
}

// removed notes a content that a program has replaced or removed.
func (w *world) removed(data []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.lost, string(data))
	w.replaced[string(data)] = true
}

func TestHistories(t *testing.T) {
	for i := range *histories {
		seed := *firstSeed + uint64(i)
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			w := &world{t: t, rand: rand.New(rand.NewPCG(seed, 0)), lost: map[string]string{}, replaced: map[string]bool{}}
			for i := range 2 + w.rand.IntN(2) {
				w.stations = append(w.stations, newStation(t, string(rune('a'+i))).begin().settled())
			}
			for range 10 + w.rand.IntN(60) {
				w.event()
			}
			for _, s := range w.stations {
				s.noFault()
				if s.stop == nil {
					s.begin()
				}
			}
			if w.unobtainable() {
				return
			}
			converge(t, w.stations...)
			for _, s := range w.stations[1:] {
				diff(t, "attributes at "+w.stations[0].name, w.stations[0].attributes(), s.name, s.attributes())
			}
			have := map[string]bool{}
			for _, data := range w.stations[0].files() {
				have[data] = true
			}
			for data, who := range w.lost {
				if !have[data] {
					t.Errorf("lost: %q of %s", data, who)
				}
			}
		})
	}
}

// unobtainable tells whether the stations, having exchanged all, still want a content that was removed or
// replaced where it was last: the one thing that nobody can mend.
func (w *world) unobtainable() bool {
	for range 3 {
		for _, a := range w.stations {
			for _, b := range w.stations {
				if a != b {
					a.pull(b)
				}
			}
		}
	}
	lost := map[item.Hash]bool{}
	for data := range w.lost {
		lost[hashOf(data)] = true
	}
	found := false
	for _, s := range w.stations {
		s.settled()
		for want, err := range s.folder.Wanted(s.ctx(), func(item.Hash) bool { return false }, true) {
			s.must(err)
			if lost[want.Root] {
				w.t.Errorf("%s wants a content that nobody has removed: %v", s.name, want.Root)
			}
			found = true
		}
	}
	return found
}

// attributes is the mtimes of files and the extended attributes of files and directories.
func (s *station) attributes() map[string]string {
	m := map[string]string{}
	for p := range s.fake.tree() {
		st, err := s.fake.Stat(p)
		if err != nil || st.Kind == step.Symlink {
			continue
		}
		x, err := s.XAttrs(p)
		m[p] = fmt.Sprint(x, err)
		if st.Kind == step.File {
			m[p] += fmt.Sprint(" ", st.Signature.MTime)
		}
	}
	return m
}

func (w *world) event() {
	s := w.stations[w.rand.IntN(len(w.stations))]
	o := w.stations[w.rand.IntN(len(w.stations))]
	switch n := w.rand.IntN(42); {
	case n < 29:
		w.program(w.rand, s)
	case n < 36:
		if s != o && s.stop != nil && o.stop != nil {
			s.states(o)
			if w.rand.IntN(3) > 0 {
				s.fetch(o)
			}
		}
	case n < 37:
		if s.stop == nil {
			s.begin()
		} else {
			s.settled().end()
		}
	case n < 39:
		w.crashSoon(s)
	case n < 41:
		w.atOnce(s, o)
	default:
		if s.stop != nil {
			s.settled()
		}
	}
}

// atOnce has programs work on two stations while these exchange what they have.
func (w *world) atOnce(s, o *station) {
	if s == o || s.stop == nil || o.stop == nil {
		return
	}
	var all sync.WaitGroup
	for _, at := range []*station{s, o} {
		r, n := rand.New(rand.NewPCG(w.rand.Uint64(), 0)), 1+w.rand.IntN(12)
		all.Go(func() {
			for range n {
				w.program(r, at)
			}
		})
	}
	for range 1 + w.rand.IntN(3) {
		s.pull(o)
		o.pull(s)
	}
	all.Wait()
}

// crashSoon has the daemon of s end amid some step, the journal not saying so, and starts it again.
func (w *world) crashSoon(s *station) {
	if s.stop == nil {
		return
	}
	o := w.stations[w.rand.IntN(len(w.stations))]
	if o == s || o.stop == nil {
		return
	}
	s.settled()
	left := atomic.Int64{}
	left.Store(int64(w.rand.IntN(6)))
	s.names.Lock()
	s.fault = func(op, path string, after bool) error {
		if left.Add(-1) < 0 {
			return fmt.Errorf("crash at %s of %s: %w", op, path, context.Canceled)
		}
		return nil
	}
	s.names.Unlock()
	s.tryPull(o)
	s.end()
	s.names.Lock()
	s.fault = nil
	s.names.Unlock()
	s.begin()
}

// tryPull is pull that may end in a crash.
func (s *station) tryPull(o *station) {
	if s.takeStates(s.ctx(), o) == nil {
		_ = s.takeContents(s.ctx(), o)
	}
}

// sight is what programs see in a station: files here or not, and directories, "" the folder.
func (s *station) sight() (dirs, files []string) {
	dirs = []string{""}
	tree := s.fake.tree()
	for _, p := range slices.Sorted(maps.Keys(tree)) {
		if strings.HasPrefix(tree[p], "dir ") {
			dirs = append(dirs, p)
		} else {
			files = append(files, p)
		}
	}
	if s.stop == nil {
		return dirs, files
	}
	for _, d := range dirs {
		for _, st := range s.folder.AbsentIn(d) {
			if p := join(d, st.Name); tree[p] == "" {
				files = append(files, p)
			}
		}
	}
	return dirs, files
}

func (w *world) program(r *rand.Rand, s *station) {
	dirs, files := s.sight()
	dir := dirs[r.IntN(len(dirs))]
	fresh := join(dir, []string{"f", "g", "h.txt", "d", "e"}[r.IntN(5)])
	any := func(l []string) string { return l[r.IntN(len(l))] }
	n := r.IntN(26)
	if len(files) == 0 {
		n = r.IntN(8)
	}
	switch {
	case n < 5:
		w.write(r, s, fresh)
	case n < 8:
		_ = s.mkdir(fresh)
	case n < 10:
		w.write(r, s, any(files))
	case n < 12:
		if g, err := s.unlinkSeen(any(files)); err == nil {
			w.took(g)
		}
	case n < 14:
		w.rename(s, any(files), fresh)
	case n < 17:
		w.rename(s, any(dirs), fresh)
	case n < 18:
		_ = s.rmdirSeen(any(dirs))
	case n < 19:
		mode := []uint32{0o600, 0o644, 0o755}[r.IntN(3)]
		_ = s.setSeen(any(files), step.Attr{Mode: &mode})
	case n < 22:
		_ = s.link(any(files), fresh)
	case n < 23:
		w.set(r, s, any(append(dirs[1:], files...)))
	case n < 24:
		_ = s.symlink([]string{"f", "nowhere"}[r.IntN(2)], fresh)
	case n < 25:
		mode := []uint32{0o700, 0o755, 0o711}[r.IntN(3)]
		if p := any(dirs); p != "" {
			_ = s.setSeen(p, step.Attr{Mode: &mode})
		}
	default:
		a, b := any(append(dirs[1:], files...)), any(append(dirs[1:], files...))
		if a != b && !within(a, b) && !within(b, a) {
			_ = s.exchangeSeen(a, b)
		}
	}
}

// took notes what a program has replaced or removed.
func (w *world) took(g gone) {
	if g.root == (item.Hash{}) {
		w.removed(g.data)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for data := range w.lost {
		if hashOf(data) == g.root {
			delete(w.lost, data)
			w.replaced[data] = true
		}
	}
}

// set sets an attribute that is not the mode.
func (w *world) set(r *rand.Rand, s *station, path string) {
	set := step.Attr{}
	if st, err := s.fake.Stat(path); r.IntN(2) == 0 && (err != nil || st.Kind == step.File) {
		t := int64(1e18) + r.Int64N(1e9)*1000
		set.MTime = &t
	} else {
		value := fmt.Sprint(r.IntN(3))
		set.XAttrs = map[string]*string{[]string{"user.a", "user.b"}[r.IntN(2)]: &value}
		if value == "0" {
			for k := range set.XAttrs {
				set.XAttrs[k] = nil
			}
		}
	}
	_ = s.setSeen(path, set)
}

func (w *world) write(r *rand.Rand, s *station, p string) {
	w.mu.Lock()
	w.number++
	data := fmt.Sprint("content ", w.number)
	w.mu.Unlock()
	if r.IntN(4) == 0 {
		data = fmt.Sprint("content of many ", r.IntN(3))
	}
	first := w.wrote(data, s.name+" at "+p)
	switch g, err := s.writeSeen(p, data); {
	case err != nil && first:
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.lost, data)
	case err == nil && string(g.data) != data:
		w.removed(g.data)
	}
}

func (w *world) rename(s *station, from, to string) {
	if from == "" || from == to || filepath.Base(to) == "" {
		return
	}
	a, errA := os.Lstat(s.path(from))
	b, errB := os.Lstat(s.path(to))
	if errA == nil && errB == nil && os.SameFile(a, b) || within(to, from) {
		return
	}
	if g, err := s.renameSeen(from, to); err == nil {
		w.took(g)
	}
}
