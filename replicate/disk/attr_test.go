package disk

import (
	"os"
	"syscall"
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

// A staged content that could not be placed as one file is placed as another: with the attributes of that alone.
func TestAttributesOfAnotherThatWasRefused(t *testing.T) {
	a, b := pair(t)
	a.must(a.write("f", "the same"))
	a.must(a.write("g", "the same"))
	a.must(a.setxattr("f", "user.a", "1"))
	b.names.Lock()
	b.fault = func(op, path string, _ bool) error {
		if op == "place" && path == "f" {
			return &os.PathError{Op: op, Path: path, Err: syscall.ENOSPC}
		}
		return nil
	}
	b.names.Unlock()
	b.pull(a)
	b.want("g", "the same")
	if l, err := b.XAttrs("g"); err != nil || len(l) > 0 {
		t.Errorf("%q, %v", l, err)
	}
	b.noFault()
	converge(t, a, b)
	if l, err := b.XAttrs("f"); err != nil || l["user.a"] != "1" {
		t.Errorf("%q, %v", l, err)
	}
}
