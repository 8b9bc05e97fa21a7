package fusefs

import (
	"os"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// A kernel that keeps the times of a file tells those of what it has written back, while another thread has truncated
// the file and told later ones: it does not tell these again.
func TestTimesThatAreToldLate(t *testing.T) {
	m := start(t)
	m.write("f", "1")
	open, err := os.OpenFile(m.path("f"), os.O_WRONLY, 0)
	m.must(err)
	defer open.Close()
	st, err := m.Stat("f")
	m.must(err)
	n := m.v.table.known(statKey(st))
	f := m.v.lockFile(n, false)
	fh := f.handles[0].id
	f.mu.Unlock()
	tell := func(valid uint32, sec uint64) {
		t.Helper()
		in := &fuse.SetAttrIn{}
		in.NodeId, in.Fh, in.Valid = n.id, fh, valid|fuse.FATTR_MTIME|fuse.FATTR_CTIME
		in.Mtime, in.Ctime = sec, sec
		if status := m.v.SetAttr(nil, in, &fuse.AttrOut{}); status != fuse.OK {
			t.Errorf("told of %d s: %v", sec, status)
		}
	}
	want := func(sec int64) {
		t.Helper()
		if st, err := m.Stat("f"); err != nil || st.Signature.MTime != sec*1e9 {
			t.Errorf("mtime %d, %v; want %d s", st.Signature.MTime, err, sec)
		}
	}
	tell(fuse.FATTR_SIZE, 20)
	tell(fuse.FATTR_FH, 10)
	want(20)
	tell(fuse.FATTR_FH, 30)
	want(30)
}
