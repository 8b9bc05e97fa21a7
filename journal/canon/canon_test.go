package canon

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"
)

func TestReaderGivesBackWhatWasWritten(t *testing.T) {
	b := AppendString(nil, "hello")
	b = AppendString(b, "")
	b = binary.AppendUvarint(b, math.MaxUint64)
	b = binary.AppendVarint(b, math.MinInt64)
	b = binary.AppendVarint(b, 77)
	b = binary.BigEndian.AppendUint64(b, 9)
	b = append(b, 5)

	r := NewReader(b)
	if s := r.String(5); s != "hello" {
		t.Errorf("got %q", s)
	}
	if s := r.Name(0); s != "" {
		t.Errorf("got %q", s)
	}
	if v := r.Uvarint(math.MaxUint64); v != math.MaxUint64 {
		t.Errorf("got %d", v)
	}
	for _, want := range []int64{math.MinInt64, 77} {
		if v := r.Varint(); v != want {
			t.Errorf("got %d, want %d", v, want)
		}
	}
	if v := r.Uint64(); v != 9 {
		t.Errorf("got %d", v)
	}
	if v := r.Byte(); v != 5 {
		t.Errorf("got %d", v)
	}
	if err := r.End(); err != nil {
		t.Error(err)
	}
}

func TestReaderRefuses(t *testing.T) {
	for name, read := range map[string]struct {
		b  []byte
		by func(*Reader)
	}{
		"bytes cut short":        {[]byte{1}, func(r *Reader) { r.Bytes(2) }},
		"string cut short":       {[]byte{3, 'a'}, func(r *Reader) { r.String(10) }},
		"string over its limit":  {[]byte{2, 'a', 'b'}, func(r *Reader) { r.String(1) }},
		"number over its limit":  {[]byte{9}, func(r *Reader) { r.Uvarint(8) }},
		"number with zeros":      {[]byte{0x80, 0}, func(r *Reader) { r.Uvarint(8) }},
		"number without an end":  {[]byte{0x80}, func(r *Reader) { r.Uvarint(8) }},
		"number of too many bit": {[]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 2}, func(r *Reader) { r.Varint() }},
		"nothing where a byte":   {nil, func(r *Reader) { r.Byte() }},
		"bytes left":             {[]byte{1, 2}, func(r *Reader) { r.Byte() }},
	} {
		r := NewReader(read.b)
		read.by(r)
		if err := r.End(); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestFirstErrorStays(t *testing.T) {
	r := NewReader([]byte{1, 2, 3})
	r.Fail("first")
	r.Fail("second")
	if r.Byte() != 0 || r.Uvarint(9) != 0 || r.String(9) != "" || r.Err().Error() != "malformed: first" {
		t.Error(r.Err())
	}
}
