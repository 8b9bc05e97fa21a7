package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Badger writes its log through a mapping of a sparse file: on a full disk that is a SIGBUS, and the end of the
// process. So what a commit may write has its blocks before.

const (
	// An entry takes no more than that in the log besides key and value: its header, version and checksum. A commit
	// has one entry more.
	entryInLog = 64

	// roomStep is how much room is made at once, firstRoom how much for a new log where the disk has much more: so the
	// journal goes on for long where programs fill the disk.
	roomStep  = 1 << 20
	firstRoom = 4 << 20

	// roomAhead is more than what the changes of programs that are journaled together take.
	roomAhead = 512 << 10

	// leastRoom is what the disk must have for the files that Badger makes as it opens.
	leastRoom = 2 << 20

	// rotationRoom is for the table that a memtable becomes, and the next log.
	rotationRoom = 2 * memTableSize
)

// A room is the part of the active memtable's log that has its blocks.
type room struct {
	end  int64 // of what was written, at most
	have int64
}

// anew makes room in a new log.
func (t *tail) anew() error {
	t.room = room{end: entryInLog}
	free, err := free(t.dir)
	if err != nil {
		return err
	}
	return t.extend(max(roomStep, min(firstRoom, free/16)))
}

// allow makes room for a commit.
func (t *tail) allow(w *overlay) error {
	lacks := t.room.end + inLog(w) - t.room.have
	if lacks <= 0 {
		return nil
	}
	err := t.extend(lacks + roomStep)
	if errors.Is(err, unix.ENOSPC) {
		err = t.extend(lacks)
	}
	if err != nil {
		return fmt.Errorf("journal: make room in %s: %w", t.path(t.number), err)
	}
	return nil
}

// Room makes room for commits to come, and says ENOSPC where there is none: who asks before can wait for it, with nothing
// half done.
func (j *Journal) Room() error {
	j.writer.Lock()
	defer j.writer.Unlock()
	t := j.tail
	switch {
	case t.dir == "":
		return nil
	case t.full():
		return checkRoom(t.dir, rotationRoom)
	case t.room.have-t.room.end >= roomAhead:
		return nil
	}
	if err := t.extend(roomStep); err != nil {
		return fmt.Errorf("journal: make room in %s: %w", t.path(t.number), err)
	}
	return nil
}

// inLog is what a commit takes in the log, at most.
func inLog(w *overlay) int64 { return w.size + int64(len(w.values)+1)*entryInLog }

func (t *tail) extend(n int64) error {
	f, err := os.OpenFile(t.path(t.number), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	err = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, t.room.have, n)
	if errors.Is(err, unix.EOPNOTSUPP) {
		err = nil // then there is none to be had
	}
	if err == nil {
		t.room.have += n
	}
	return err
}

// free is how many bytes are free on the disk of dir.
func free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// checkRoomToOpen says whether there is room for what Badger makes as it opens dir: of the logs that a process has left which
// was killed, tables.
func checkRoomToOpen(dir string) error {
	least := int64(leastRoom)
	logs, err := memFiles(dir)
	if err != nil {
		return err
	}
	for _, name := range logs {
		var st unix.Stat_t
		if err := unix.Stat(filepath.Join(dir, name), &st); err != nil {
			return &os.PathError{Op: "stat", Path: name, Err: err}
		}
		least += st.Blocks * 512
	}
	return checkRoom(dir, least)
}

// checkRoom says whether Badger can make files of that size in dir.
func checkRoom(dir string, least int64) error {
	n, err := free(dir)
	if err == nil && n < least {
		err = fmt.Errorf("%w: %d KiB are free, the journal needs %d; make room", unix.ENOSPC, n>>10, least>>10)
	}
	return err
}
