package disk

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"syncfs/journal/change"
)

// taking is how many bytes of disk a file takes.
func (s *station) taking(path string) int64 {
	s.t.Helper()
	var st unix.Stat_t
	s.must(unix.Stat(s.path(path), &st))
	return st.Blocks * 512
}

// A file with holes takes as little room wherever it comes to, from a peer or by a copy.
func TestHolesStayHoles(t *testing.T) {
	a, b := pair(t)
	const size = 8 << 20
	for _, f := range []string{"f", "twin"} {
		a.must(a.write(f, ""))
		a.must(a.do(change.Change{Kind: change.Settled, Path: f, Whole: true}, func() error {
			file, err := os.OpenFile(a.path(f), os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			for _, at := range []int64{0, 4090, 3 << 20, size - 5000} {
				_, werr := file.WriteAt([]byte("data"), at)
				err = errors.Join(err, werr)
			}
			return errors.Join(err, file.Close())
		}))
	}
	converge(t, a, b)
	for _, f := range []string{"f", "twin"} {
		want, err := os.ReadFile(a.path(f))
		a.must(err)
		got, err := os.ReadFile(b.path(f))
		b.must(err)
		if n := b.taking(f); n > 1<<20 || !bytes.Equal(got, want) {
			t.Errorf("%s takes %d bytes on disk, of %d that ought to be %d", f, n, len(got), len(want))
		}
	}
}

// What is left out is nothing but zeros.
func TestHolesAreZeros(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		file, err := os.Create(filepath.Join(t.TempDir(), "f"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		want := make([]byte, 1+r.IntN(100_000))
		for range r.IntN(5) {
			at := r.IntN(len(want))
			for i := range want[at:min(at+r.IntN(9000), len(want))] {
				want[at+i] = byte(r.IntN(2))
			}
		}
		for at := 0; at < len(want); {
			n := min(1+r.IntN(20_000), len(want)-at)
			if m, err := (holes{file}).WriteAt(want[at:at+n], int64(at)); m != n || err != nil {
				t.Fatalf("%d of %d bytes: %v", m, n, err)
			}
			at += n
		}
		if err := file.Truncate(int64(len(want))); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file.Name()); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes are not those that were written: %v", len(want), err)
		}
	}
}
