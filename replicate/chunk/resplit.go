package chunk

import (
	"io"

	"syncfs/journal/change"
)

// Resplit returns the chunks of a content of which an older version was split as old, and in which
// nothing but ranges (sorted, disjoint) was written since, besides a change of size. It reads what lies
// around the ranges and returns what Split of the whole would.
//
// Where a chunk ends depends on its own bytes alone, and for the last one on where the content ends. So
// an old chunk stands if a chunk of the new content begins where it did, nothing in it was written, and
// it ends either at the new end, or before it and not because the old content ended.
func (s *Splitter) Resplit(old List, r io.ReaderAt, size int64, ranges []change.Range) (List, error) {
	l := make(List, 0, len(old)+1)
	var at int64   // the end of l
	var next int64 // the offset of old[0]
	stands := func() bool {
		for len(ranges) > 0 && ranges[0].Offset+ranges[0].Length <= at {
			ranges = ranges[1:]
		}
		for len(old) > 0 && next < at {
			next += int64(old[0].Size)
			old = old[1:]
		}
		if len(old) == 0 || next != at {
			return false
		}
		end := at + int64(old[0].Size)
		untouched := len(ranges) == 0 || ranges[0].Offset >= end
		return untouched && (end == size || end < size && len(old) > 1)
	}
	for at < size {
		for stands() {
			l = append(l, old[0])
			at += int64(old[0].Size)
		}
		if at >= size {
			break
		}
		from := at
		err := s.split(io.NewSectionReader(r, from, size-from), func(c Chunk) bool {
			l = append(l, c)
			at += int64(c.Size)
			return !stands()
		})
		if err != nil {
			return nil, err
		}
		if at == from {
			return nil, io.ErrUnexpectedEOF // shorter than size: it changes while it is read
		}
	}
	return l, nil
}
