package chunk

import (
	"errors"
	"io"
)

// Bytes returns the chunks of a content that is in memory.
func Bytes(data []byte) List {
	var l List
	for len(data) > 0 {
		n := cut(data)
		l = append(l, Chunk{Hash: Sum(data[:n]), Size: n})
		data = data[n:]
	}
	return l
}

// A Splitter splits one content after another with the same buffer. The zero Splitter is ready; it is
// not for several at once.
type Splitter struct {
	buf []byte
}

// bufSize is a few chunks: what is left over and moved when it is filled again is at most one.
const bufSize = 4 * Max

// Split reads a content to its end and returns its chunks.
func (s *Splitter) Split(r io.Reader) (List, error) {
	var l List
	err := s.split(r, func(c Chunk) bool {
		l = append(l, c)
		return true
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// split yields the chunks of r in order, until its end or until yield has enough.
func (s *Splitter) split(r io.Reader, yield func(Chunk) bool) error {
	if s.buf == nil {
		s.buf = make([]byte, bufSize)
	}
	var begin, end int // what is read and in no chunk yet
	for eof := false; ; {
		for end-begin < Max && !eof {
			if begin > 0 {
				end = copy(s.buf, s.buf[begin:end])
				begin = 0
			}
			n, err := io.ReadFull(r, s.buf[end:])
			end += n
			if eof = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF); err != nil && !eof {
				return err
			}
		}
		if begin == end {
			return nil
		}
		n := cut(s.buf[begin:end])
		if !yield(Chunk{Hash: Sum(s.buf[begin : begin+n]), Size: n}) {
			return nil
		}
		begin += n
	}
}
