package fusefs

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestChangesInOrder(t *testing.T) {
	m := start(t)
	m.must(os.Mkdir(m.path("d"), 0o755))
	m.write("d/f", "one")
	m.rec.waitSettled(t, "d/f")
	m.must(os.Rename(m.path("d"), m.path("e")))
	m.must(os.Symlink("f", m.path("e/s")))
	m.must(os.Link(m.path("e/f"), m.path("e/g")))
	m.must(os.Chmod(m.path("e/f"), 0o600))
	m.must(unix.Setxattr(m.path("e/f"), "user.x", []byte("1"), 0))
	m.must(unix.Mkfifo(m.path("e/fifo"), 0o644))
	m.must(os.Remove(m.path("e/g")))
	m.must(unix.Renameat2(unix.AT_FDCWD, m.path("e/f"), unix.AT_FDCWD, m.path("e/s"), unix.RENAME_EXCHANGE))
	m.must(os.Remove(m.path("e/s")))
	m.must(os.Remove(m.path("e/fifo")))
	m.must(os.Remove(m.path("e/f")))
	m.must(os.Remove(m.path("e")))
	m.wantChanges(`mkdir d
		create d/f
		settled d/f whole
		rename d e
		symlink e/s
		link e/f e/g
		attr e/f
		attr e/g
		attr e/f
		attr e/g
		create e/fifo local
		unlink e/g
		exchange e/f e/s
		unlink e/s
		unlink e/fifo local
		unlink e/f
		rmdir e`)
}
