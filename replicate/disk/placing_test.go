package disk

import (
	"sync"
	"testing"
)

// What a program does to what a step has just made is journaled after that step, though others beside it took effect
// still later.
func TestStepsAreJournaledInOrder(t *testing.T) {
	for name, c := range map[string]struct {
		made func(a *station) error // at "made"
		then func(b *station) error
		want map[string]string
	}{
		"directory removed": {
			func(a *station) error { return a.mkdir("made") },
			func(b *station) error { return b.rmdir("made") },
			map[string]string{},
		},
		"symlink removed": {
			func(a *station) error { return a.symlink("to", "made") },
			func(b *station) error { return b.unlink("made") },
			map[string]string{},
		},
		"directory moved": {
			func(a *station) error { return a.mkdir("made") },
			func(b *station) error { return b.rename("made", "moved") },
			map[string]string{"moved": "dir 755"},
		},
		"directory given another mode": {
			func(a *station) error { return a.mkdir("made") },
			func(b *station) error { return b.chmod("made", 0o700) },
			map[string]string{"made": "dir 700"},
		},
		"symlink replaced": {
			func(a *station) error { return a.symlink("to", "made") },
			func(b *station) error {
				if err := b.symlink("elsewhere", "other"); err != nil {
					return err
				}
				return b.rename("other", "made")
			},
			map[string]string{"made": "-> elsewhere"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t)
			a.must(a.write("beside", "1"))
			a.must(c.made(a))
			b.folder.brake.hold("until all has come")
			b.pull(a)
			done, once := make(chan struct{}), sync.Once{}
			b.around = func(op, path string, after bool) {
				switch {
				case op != "place":
				case path == "beside" && !after:
					<-done
				case path == "made" && !after:
					b.must(b.write("more", "2")) // for what is beside to be journaled with the step
				case path == "made":
					once.Do(func() {
						b.must(c.then(b))
						close(done)
					})
				}
			}
			b.must(b.folder.do(b.ctx(), func() error {
				b.folder.execution.ready = nil // all is looked at together
				return nil
			}))
			b.folder.Accept()
			b.settled()
			b.check()
			c.want["beside"], c.want["more"] = `644 "1"`, `644 "2"`
			diff(t, "disk", b.fake.tree(), "wanted", c.want)
			converge(t, a, b)
		})
	}
}
