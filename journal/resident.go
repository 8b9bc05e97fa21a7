package journal

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// LetGo gives back the memory in which the kernel keeps what this process read of its journals: their tables are mapped,
// and what is mapped counts as the process's and is not dropped with the kernel's caches. What is needed again is read
// again, so it is for one who is idle.
//
// What is mapped may change between the look and the call. It does no harm: memory paged out is as it was.
func LetGo() error {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return err
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		var from, to uintptr
		if !strings.HasSuffix(lines.Text(), table) {
			continue
		}
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x ", &from, &to); err != nil {
			return fmt.Errorf("/proc/self/maps: %q: %w", lines.Text(), err)
		}
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_PAGEOUT); errno != 0 && !gone(errno) {
			return os.NewSyscallError("madvise", errno)
		}
	}
	return lines.Err()
}

// table is how the names of Badger's tables end.
const table = ".sst"

// gone says that something is not mapped any more, or that the kernel can't page out.
func gone(err error) bool { return errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.EINVAL) }
