package disk

import (
	"testing"

	"golang.org/x/sys/unix"

	"syncfs/journal/change"
	"syncfs/journal/step"
)

// A program sets the time of a file, and has it change places with one that is being written: the time is taken.
func TestTimeOfAFileExchangedWithOneThatIsWritten(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "1"))
	a.must(a.write("g", "2"))
	converge(t, a, b)
	mtime := int64(1e18)
	a.names.Lock()
	a.note(change.Change{Kind: change.Dirty, Path: "g"})
	a.must(setAttr(a.path("f"), step.Attr{MTime: &mtime}))
	a.must(unix.Renameat2(unix.AT_FDCWD, a.path("f"), unix.AT_FDCWD, a.path("g"), unix.RENAME_EXCHANGE))
	a.note(change.Change{Kind: change.Attr, Path: "f"})
	a.note(change.Change{Kind: change.Exchange, Path: "f", To: "g"})
	a.note(change.Change{Kind: change.Settled, Path: "f", Whole: true})
	a.names.Unlock()
	converge(t, a, b)
	if st, err := b.Stat("g"); err != nil || st.Signature.MTime != mtime {
		t.Errorf("%+v, %v", st, err)
	}
}
