package disk

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"syncfs/journal/change"
)

// A time that items can't hold is the nearest that they can, on the other replicas.
func TestTimesOutOfRange(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "1"))
	converge(t, a, b)
	a.must(a.do(change.Change{Kind: change.Attr, Path: "f"}, func() error {
		far := unix.Timespec{Sec: 15032385535}
		return unix.UtimesNano(a.path("f"), []unix.Timespec{far, far})
	}))
	a.settled()
	b.pull(a)
	b.settled()
	var st unix.Stat_t
	b.must(unix.Stat(b.path("f"), &st))
	if year := time.Unix(st.Mtim.Unix()).UTC().Year(); year != 2262 {
		t.Errorf("the time is of the year %d, want 2262", year)
	}
	a.must(a.write("f", "2"))
	converge(t, a, b)
	b.want("f", "2")
}
