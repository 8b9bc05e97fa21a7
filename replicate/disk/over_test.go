package disk

import "testing"

// A program makes of itself the rename that a peer has made and the disk has not yet, over a file that it has made there:
// that is replaced, on every replica.
func TestRenamedOverWhatAPeerDoesNotKnow(t *testing.T) {
	for name, known := range map[string]bool{"taken": true, "not taken yet": false} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t)
			a.must(a.write("f", "1"))
			a.must(a.write("h", "3"))
			converge(t, a, b)
			a.must(a.rename("f", "g"))
			b.folder.brake.hold("until the program is done")
			b.pull(a)
			b.must(b.folder.do(b.ctx(), func() error {
				b.must(b.write("g", "2"))
				b.must(b.unlink("h")) // what is new beside it is an item from now on
				return nil
			}))
			if known {
				b.settled()
			}
			b.must(b.rename("f", "g"))
			b.folder.Accept()
			converge(t, a, b)
			diff(t, "disk", a.fake.tree(), "wanted", map[string]string{"g": `644 "1"`})
		})
	}
}
