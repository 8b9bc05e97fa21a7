package journal

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
	"testing"

	"syncfs/journal/item"
)

// What commits have written, also across a rotation of the memtable, is never beyond the room that was made for it.
func TestCommitsHaveRoom(t *testing.T) {
	j := openDir(t, t.TempDir())
	defer j.Close()
	first := j.tail.number
	value := bytes.Repeat([]byte{1}, 300)
	for i := 0; j.tail.number == first || i%100 != 0; i++ {
		err := j.Update(func(tx *Tx) error {
			for k := range 200 {
				id := item.ID{byte(i >> 8), byte(i), byte(k)}
				if err := tx.set([]byte(fmt.Sprintf("a%s%d", id, k%7)), value[:k]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if i%100 == 0 {
			checkWritten(t, j.tail)
		}
	}
	checkWritten(t, j.tail)
}

func checkWritten(t *testing.T, x *tail) {
	t.Helper()
	log, err := os.ReadFile(x.path(x.number))
	if err != nil {
		t.Fatal(err)
	}
	end := int64(len(bytes.TrimRight(log, "\x00")))
	if end > x.room.end || x.room.end > x.room.have {
		t.Fatalf("%s: %d bytes are written, %d are reckoned, %d have room", x.path(x.number), end, x.room.end, x.room.have)
	}
	var st syscall.Stat_t
	if err := syscall.Stat(x.path(x.number), &st); err != nil || st.Blocks*512 < x.room.have {
		t.Fatalf("%s: it has %d bytes, not %d: %v", x.path(x.number), st.Blocks*512, x.room.have, err)
	}
}
