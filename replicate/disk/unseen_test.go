package disk

import (
	"os"
	"testing"
)

// A new file may have the inode number, and the size, of a symlink that is gone: it is not that one, moved.
func TestAFileIsNoSymlinkThatWasMoved(t *testing.T) {
	s := newStation(t, "a").begin().settled()
	s.must(s.symlink("to", "link"))
	s.settled()
	s.must(os.Remove(s.path("link")))
	s.must(os.WriteFile(s.path("file"), []byte("12"), 0o644))
	st, err := s.Stat("file")
	s.must(err)
	s.must(s.folder.do(s.ctx(), func() error {
		return s.folder.update(func(b *batch) error {
			a, err := b.Tx.Applied(0, "link")
			if err != nil {
				return err
			}
			a.Signature.Ino = st.Signature.Ino
			return b.put(a)
		})
	}))
	s.folder.Rescan()
	s.check()
}

// Of two that change places one may be known to nobody, and the other be still to be read: each is taken in where it is.
func TestWhatIsUnknownIsExchanged(t *testing.T) {
	s := newStation(t, "a").begin().settled()
	s.must(s.folder.do(s.ctx(), func() error {
		s.must(os.WriteFile(s.path("unknown"), []byte("1"), 0o644))
		s.must(s.write("new", "2"))
		return s.fake.exchange("unknown", "new")
	}))
	s.check()
	s.want("unknown", "2")
	s.want("new", "1")
}
