package fusefs

import (
	"errors"
	"os"
	"testing"

	"syncfs/journal/step"
)

// Attributes of zero reach the helper, and so do those to be taken away.
func TestAttrsOfZero(t *testing.T) {
	m := start(t)
	m.write("f", "f")
	m.rec.waitSettled(t, "f")
	m.names("")
	mode, mtime, empty := uint32(0o644), int64(1e18), ""
	st, _, err := m.Attr("f", m.signature("f"), step.Attr{Mode: &mode, MTime: &mtime, XAttrs: map[string]*string{"user.x": &empty}})
	m.must(err)
	if all, err := m.XAttrs("f"); err != nil || len(all) != 1 {
		t.Errorf("an empty attribute: %v, %v", all, err)
	}
	mode, mtime = 0, 0
	_, _, err = m.Attr("f", st.Signature, step.Attr{Mode: &mode, MTime: &mtime, XAttrs: map[string]*string{"user.x": nil}})
	m.must(err)
	if info, err := os.Stat(m.path("f")); err != nil || info.Mode() != 0 || info.ModTime().UnixNano() != 0 {
		t.Errorf("seen: %v, %v", info, err)
	}
	if all, err := m.XAttrs("f"); err != nil || len(all) != 0 {
		t.Errorf("left: %v, %v", all, err)
	}
}

// A file that a program has just opened to write is not replaced before it writes.
func TestOpenedToWriteIsBusy(t *testing.T) {
	m := start(t)
	m.write("f", "f")
	m.rec.waitSettled(t, "f")
	file, err := os.OpenFile(m.path("f"), os.O_WRONLY|os.O_APPEND, 0)
	m.must(err)
	_, _, err = m.Place(m.stage("s", "new"), "f", m.signature("f"))
	if !errors.Is(err, step.ErrBusy) {
		t.Errorf("replaced: %v", err)
	}
	m.must(file.Close())
	m.place("f", "new")
	m.want("f", "new")
}
