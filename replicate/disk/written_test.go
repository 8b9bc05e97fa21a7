package disk

import (
	"testing"
	"time"

	"syncfs/journal"
	"syncfs/journal/change"
)

// What is written to a file by a name that is gone before anybody has read it is so by the others.
func TestWrittenByANameThatIsGone(t *testing.T) {
	for name, gone := range map[string]func(s *station) error{
		"removed": func(s *station) error { return s.unlink("g") },
		"replaced by a new file": func(s *station) error {
			if err := s.write("n", "new"); err != nil {
				return err
			}
			return s.fake.rename("n", "g")
		},
	} {
		for _, known := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				s := newStation(t, "a").begin().settled()
				s.must(s.write("f", "1"))
				if known {
					s.must(s.link("f", "g"))
				}
				s.settled()
				s.must(s.folder.do(s.ctx(), func() error {
					if !known {
						s.must(s.link("f", "g"))
					}
					s.must(s.write("g", "2"))
					return gone(s)
				}))
				s.check()
			})
		}
	}
}

// So it is where a worker has just read the file, before it was written.
func TestWrittenWhileAnotherNameIsTaken(t *testing.T) {
	s := newStation(t, "a").begin().settled()
	f := s.folder
	s.must(f.do(s.ctx(), func() error {
		s.must(s.write("f", "1"))
		s.must(s.link("f", "g"))
		s.must(f.drain())
		tk := taker{disk: f.disk, now: time.Now}
		var read []taken
		for {
			k, w, ok := f.works.next()
			if !ok {
				break
			}
			s.must(f.journal.View(func(tx *journal.Tx) error {
				j, err := jobOf(tx, k, w)
				read = append(read, tk.take(j))
				return err
			}))
		}
		s.must(s.write("g", "2"))
		s.must(s.unlink("g"))
		s.must(f.drain())
		return f.commitAll(read)
	}))
	s.check()
}

// So it is where that name was moved over a file that is known.
func TestWrittenByANameMovedOverAnother(t *testing.T) {
	s := newStation(t, "a").begin().settled()
	s.must(s.write("d", "other"))
	s.settled()
	s.must(s.folder.do(s.ctx(), func() error {
		s.must(s.write("n", "1"))
		s.must(s.link("n", "m"))
		return s.do(change.Change{Kind: change.Dirty, Path: "n"}, func() error { return nil })
	}))
	s.must(s.folder.await(s.ctx(), func() bool { return s.folder.works.settled() == 0 }))
	s.must(s.folder.do(s.ctx(), func() error {
		s.must(s.fake.rename("n", "d"))
		s.must(s.write("d", "2"))
		return s.unlink("d")
	}))
	s.check()
}
