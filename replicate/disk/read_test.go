package disk

import (
	"errors"
	"os"
	"testing"

	"syncfs/replicate/chunk"
)

// A content is given as it was taken, of a file that has grown since; of one that was written over it is gone.
func TestReadOfAFileThatChanged(t *testing.T) {
	a := newStation(t, "a").begin().settled()
	a.must(a.write("f", "content"))
	a.settled()
	root := chunk.Bytes([]byte("content")).Root()
	for _, c := range []struct{ now, want string }{
		{"content", "content"}, {"content and more", "content"}, {"Content", ""}, {"cont", ""},
	} {
		a.must(os.WriteFile(a.path("f"), []byte(c.now), 0o644))
		b, err := a.folder.ReadContent(a.ctx(), root)
		if string(b) != c.want || (err == nil) != (c.want != "") || err != nil && !errors.Is(err, chunk.ErrGone) {
			t.Errorf("a file that is %q now gave %q, %v", c.now, b, err)
		}
	}
}
