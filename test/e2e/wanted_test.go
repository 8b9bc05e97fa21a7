package e2e

import (
	"bytes"
	"math/rand"
	"os"
	"testing"
)

// A file known whose content is not here yet is listed with its size, and its content is fetched when it is
// opened.
func TestAWantedFileIsListedWithItsSizeAndFetchedWhenOpened(t *testing.T) {
	a, b := pair(t)
	big := make([]byte, 300<<20)
	rand.New(rand.NewSource(1)).Read(big)
	a.must(os.WriteFile(a.Path("big"), big, 0o644))
	a.Write("small", "small")
	flushed := make(chan struct{})
	go func() {
		defer close(flushed)
		b.Try("flush", b.Dir)
	}()
	if !until(patience, func() bool { _, err := os.Lstat(b.Path("big")); return err == nil }) {
		t.Fatal("the file was never listed")
	}
	info, err := os.Lstat(b.Path("big"))
	if err != nil || info.Size() != int64(len(big)) {
		t.Errorf("listed as %v, %v", info, err)
	}
	if st := b.Status(); st.Wanted.Items == 0 {
		t.Log("the content came before anybody looked")
	}
	got, err := os.ReadFile(b.Path("big"))
	if err != nil || !bytes.Equal(got, big) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	<-flushed
	b.Flush()
	WantEqual(t, a, b)
	if st := b.Status(); st.Wanted.Items != 0 {
		t.Errorf("still wanted: %+v", st.Wanted)
	}
}

// Of a large file in which a few bytes changed, little is sent.
func TestAChangeInALargeFileCostsWhatChanged(t *testing.T) {
	a, b := pair(t)
	content := make([]byte, 64<<20)
	rand.New(rand.NewSource(2)).Read(content)
	a.must(os.WriteFile(a.Path("disk.img"), content, 0o644))
	a.Flush()
	before := a.Traffic()
	f, err := os.OpenFile(a.Path("disk.img"), os.O_WRONLY, 0)
	a.must(err)
	_, err = f.WriteAt([]byte("four kilobytes, more or less"), 40<<20)
	a.must(err)
	a.must(f.Close())
	a.Flush()
	if n := a.Traffic() - before; n > 1<<20 {
		t.Errorf("%d bytes on the wire for a change of 28", n)
	}
	WantEqual(t, a, b)
}
