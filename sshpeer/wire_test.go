package sshpeer

import (
	"bytes"
	"io"
	"testing"
	"time"
)

// A carrier gives what is written to it, write by write.
type carrier chan []byte

func (c carrier) Write(p []byte) (int, error) { c <- bytes.Clone(p); return len(p), nil }
func (c carrier) Read([]byte) (int, error)    { return 0, io.EOF }
func (c carrier) Close() error                { return nil }

// What the SSH library writes in two parts goes out in one; a first part that nothing follows goes out by itself.
func TestPacketsAreWrittenWhole(t *testing.T) {
	c := make(carrier, 10)
	w := newWire(c)
	first, rest := bytes.Repeat([]byte("a"), libraryBuffer), bytes.Repeat([]byte("b"), 3*libraryBuffer)
	write := func(part []byte) {
		t.Helper()
		if n, err := w.Write(part); n != len(part) || err != nil {
			t.Fatalf("%d bytes of %d, %v", n, len(part), err)
		}
	}
	want := func(packet string) {
		t.Helper()
		select {
		case got := <-c:
			if string(got) != packet {
				t.Errorf("%d bytes were written where %d are whole", len(got), len(packet))
			}
		case <-time.After(10 * time.Second):
			t.Fatal("something was never written")
		}
	}
	w.due = true // no time passes between the parts
	for _, part := range [][]byte{[]byte("small"), first, rest, first, []byte("end")} {
		write(part)
	}
	want("small")
	want(string(first) + string(rest))
	want(string(first) + "end")
	w.due = false
	write(first)
	want(string(first))
}
