package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"
)

// ErrFrame says that what arrived is not a frame of the protocol.
var ErrFrame = errors.New("malformed frame")

// eager is the length up to which a frame's memory is taken at once.
const eager = 64 << 10

// Append appends m as a frame.
func Append(b []byte, m proto.Message) ([]byte, error) {
	begin := len(b)
	b, err := proto.MarshalOptions{}.MarshalAppend(append(b, 0, 0, 0, 0), m)
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint32(b[begin:], uint32(len(b)-begin-4))
	return b, nil
}

// Read reads a frame of at most limit bytes into m. io.EOF says that the stream ended before it.
func Read(r io.Reader, m proto.Message, limit int) error {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(length[:])
	if uint64(n) > uint64(limit) {
		return fmt.Errorf("%w: %d bytes where %d is the most", ErrFrame, n, limit)
	}
	b, err := read(r, int(n))
	if err != nil {
		return err
	}
	if err := proto.Unmarshal(b, m); err != nil {
		return fmt.Errorf("%w: %w", ErrFrame, err)
	}
	return nil
}

func read(r io.Reader, n int) ([]byte, error) {
	if n <= eager {
		b := make([]byte, n)
		_, err := io.ReadFull(r, b)
		return b, cutShort(err)
	}
	var b bytes.Buffer
	_, err := io.CopyN(&b, r, int64(n))
	return b.Bytes(), cutShort(err)
}

// cutShort tells the end within a frame from the end before one.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
