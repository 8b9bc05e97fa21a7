package fusefs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"syncfs/journal/change"
)

// TestFileAgainstShadow does random things to a file and compares it with what it should hold. Another
// process does them: one that maps a file of its own mount waits for itself when it touches a page.
func TestFileAgainstShadow(t *testing.T) {
	m := start(t)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), exerciseEnv+"="+m.path("f"))
	out, err := child.CombinedOutput()
	t.Logf("%s", out)
	m.must(err)
	m.rec.wait(t, "the last change", func(c change.Change) bool {
		return c.Kind == change.Settled && len(m.Writers()) == 0
	})
	through, err := os.ReadFile(m.path("f"))
	m.must(err)
	under, err := os.ReadFile(m.under + "/f")
	m.must(err)
	if !bytes.Equal(under, through) {
		t.Error("underneath the file is another")
	}
}

// exerciseEnv names the file for a process that is to exercise it.
const exerciseEnv = "FUSEFS_TEST_EXERCISE"

func exercise(path string) int {
	seed := rand.Uint64()
	fmt.Println("seed", seed)
	x := &exerciser{path: path, r: rand.New(rand.NewPCG(seed, 0))}
	x.reopen()
	for i := range 3000 {
		if x.step(); x.failed {
			fmt.Printf("after %d steps\n", i+1)
			return 1
		}
	}
	x.must(x.f.Close())
	return 0
}

// maxFile is the size up to which the file grows.
const maxFile = 1 << 18

type exerciser struct {
	path   string
	failed bool
	r      *rand.Rand
	f      *os.File
	shadow []byte
}

func (x *exerciser) must(err error) {
	if err != nil {
		x.fail("%v", err)
	}
}

func (x *exerciser) fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	x.failed = true
}

func (x *exerciser) reopen() {
	if x.f != nil {
		x.must(x.f.Close())
	}
	var err error
	x.f, err = os.OpenFile(x.path, os.O_RDWR|os.O_CREATE, 0o644)
	x.must(err)
}

// span returns a random range within the first limit bytes.
func (x *exerciser) span(limit int) (off, n int) {
	off = x.r.IntN(limit)
	return off, 1 + x.r.IntN(min(limit-off, 1<<15))
}

func (x *exerciser) grow(size int) {
	for len(x.shadow) < size {
		x.shadow = append(x.shadow, make([]byte, size-len(x.shadow))...)
	}
}

func (x *exerciser) random(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(x.r.Uint32())
	}
	return b
}

func (x *exerciser) step() {
	switch op := x.r.IntN(12); {
	case op < 3:
		off, n := x.span(maxFile)
		b := x.random(n)
		_, err := x.f.WriteAt(b, int64(off))
		x.must(err)
		x.grow(off + n)
		copy(x.shadow[off:], b)
	case op == 3:
		size := x.r.IntN(maxFile)
		if x.r.IntN(2) == 0 {
			x.must(x.f.Truncate(int64(size)))
		} else {
			x.must(os.Truncate(x.path, int64(size)))
		}
		x.grow(size)
		x.shadow = x.shadow[:size:size]
	case op == 4:
		x.reopen()
	case op == 5:
		x.must(x.f.Sync())
	case len(x.shadow) == 0:
	case op == 6:
		x.mapped()
	case op == 7:
		off, n := x.span(len(x.shadow))
		x.must(unix.Fallocate(int(x.f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, int64(off), int64(n)))
		clear(x.shadow[off:min(off+n, len(x.shadow))])
	case op == 8:
		x.copyRange()
	case op == 9:
		info, err := os.Stat(x.path)
		x.must(err)
		if info.Size() != int64(len(x.shadow)) {
			x.fail("size %d, want %d", info.Size(), len(x.shadow))
		}
	default:
		x.compare()
	}
}

func (x *exerciser) compare() {
	off, n := x.span(len(x.shadow))
	n = min(n, len(x.shadow)-off)
	b := make([]byte, n)
	_, err := x.f.ReadAt(b, int64(off))
	x.must(err)
	if !bytes.Equal(b, x.shadow[off:off+n]) {
		x.fail("reads wrong at %d+%d", off, n)
	}
}

// mapped stores to the file through a shared mapping.
func (x *exerciser) mapped() {
	m, err := unix.Mmap(int(x.f.Fd()), 0, len(x.shadow), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	x.must(err)
	if !bytes.Equal(m, x.shadow) {
		x.fail("mapped wrong")
	}
	off, n := x.span(len(x.shadow))
	b := x.random(min(n, len(x.shadow)-off))
	copy(m[off:], b)
	copy(x.shadow[off:], b)
	x.must(unix.Munmap(m))
}

func (x *exerciser) copyRange() {
	half := len(x.shadow) / 2
	if half == 0 {
		return
	}
	off, n := x.span(half)
	n = min(n, half-off)
	src, dst := int64(off), int64(half+off)
	done, err := unix.CopyFileRange(int(x.f.Fd()), &src, int(x.f.Fd()), &dst, n, 0)
	x.must(err)
	copy(x.shadow[half+off:half+off+done], x.shadow[off:off+done])
}
