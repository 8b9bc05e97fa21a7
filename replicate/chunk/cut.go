package chunk

import (
	"encoding/binary"

	"github.com/zeebo/blake3"
)

const gearSeed = "syncfs chunk gear 1"

var gear = newGear(gearSeed)

func newGear(seed string) *[256]uint64 {
	h := blake3.New()
	h.WriteString(seed)
	var b [256 * 8]byte
	h.Digest().Read(b[:])
	var g [256]uint64
	for i := range g {
		g[i] = binary.LittleEndian.Uint64(b[i*8:])
	}
	return &g
}

// The top bits of h are zero where h is below the limit. Before the average length a cut is four times as
// rare as it would be without normalization, beyond it four times as frequent.
const (
	strict = 1 << (64 - 18)
	loose  = 1 << (64 - 14)
)

// cut returns the length of the first chunk of data, which holds Max bytes or all that is left of the
// content.
func cut(data []byte) int {
	if len(data) <= Min {
		return len(data)
	}
	data = data[:min(len(data), Max)]
	mid := min(len(data), Avg)
	n, h := scan(data, Min, mid, 0, strict)
	if n == 0 {
		n, _ = scan(data, mid, len(data), h, loose)
	}
	if n == 0 {
		n = len(data)
	}
	return n
}

// scan rolls h over data[i:end] and returns the length after which it is below limit, or 0.
func scan(data []byte, i, end int, h, limit uint64) (int, uint64) {
	g := gear
	for ; i+4 <= end; i += 4 {
		b := data[i : i+4 : i+4]
		if h = h<<1 + g[b[0]]; h < limit {
			return i + 1, h
		}
		if h = h<<1 + g[b[1]]; h < limit {
			return i + 2, h
		}
		if h = h<<1 + g[b[2]]; h < limit {
			return i + 3, h
		}
		if h = h<<1 + g[b[3]]; h < limit {
			return i + 4, h
		}
	}
	for ; i < end; i++ {
		if h = h<<1 + g[data[i]]; h < limit {
			return i + 1, h
		}
	}
	return 0, h
}
