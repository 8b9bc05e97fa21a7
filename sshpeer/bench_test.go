package sshpeer

import (
	"fmt"
	"io"
	"sync"
	"testing"
)

// How fast content goes over several streams of one connection.
func BenchmarkStreams(b *testing.B) {
	for _, streams := range []int{1, 4, 8} {
		b.Run(fmt.Sprintf("embedded/%d", streams), func(b *testing.B) {
			_, _, from, to := pair(b)
			pour(b, streams, func() (io.Writer, io.Reader) { return openStream(b, from, to) })
		})
		b.Run(fmt.Sprintf("sshd/%d", streams), func(b *testing.B) {
			l := newLogin(b)
			c := l.a.dial("b")
			pour(b, streams, func() (io.Writer, io.Reader) {
				s, err := c.Open(bounded(b))
				if err != nil {
					b.Fatal(err)
				}
				hear(b, s, "[/some/folder]")
				return s, s // it echoes: each byte crosses twice
			})
		})
	}
}

// pour sends b.N blocks over each stream at once.
func pour(b *testing.B, streams int, open func() (io.Writer, io.Reader)) {
	block := make([]byte, 1<<18)
	b.SetBytes(int64(streams * len(block)))
	var all sync.WaitGroup
	for range streams {
		w, r := open()
		all.Go(func() {
			for range b.N {
				if _, err := w.Write(block); err != nil {
					b.Error(err)
				}
			}
		})
		all.Go(func() {
			if _, err := io.CopyN(io.Discard, r, int64(b.N)*int64(len(block))); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
}
