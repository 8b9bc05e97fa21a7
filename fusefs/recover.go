package fusefs

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// fsType is how our mounts stand in the mount table.
const fsType = "fuse.syncfs"

// An entry is a line of the mount table: a mount of ours.
type entry struct {
	point string
	dev   uint64
}

// entries returns our mounts, the uppermost last.
func entries() ([]entry, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []entry
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if e, ours := parseMount(lines.Text()); ours {
			all = append(all, e)
		}
	}
	return all, lines.Err()
}

// parseMount reads a line of mountinfo: device and mount point are its third and fifth field, the type
// follows " - ".
func parseMount(line string) (e entry, ours bool) {
	left, right, ok := strings.Cut(line, " - ")
	fields := strings.Fields(left)
	if !ok || len(fields) < 5 || !strings.HasPrefix(right, fsType+" ") {
		return entry{}, false
	}
	major, minor, _ := strings.Cut(fields[2], ":")
	a, errA := strconv.ParseUint(major, 10, 32)
	b, errB := strconv.ParseUint(minor, 10, 32)
	return entry{unescape(fields[4]), unix.Mkdev(uint32(a), uint32(b))}, errA == nil && errB == nil
}

// Mounts returns the folders with a mount of ours over them, stale ones included.
func Mounts() ([]string, error) {
	all, err := entries()
	points := make([]string, len(all))
	for i, e := range all {
		points[i] = e.point
	}
	return points, err
}

// deviceOf returns st_dev of our mount at point, without asking the mount itself.
func deviceOf(point string) (uint64, error) {
	all, err := entries()
	if err != nil {
		return 0, err
	}
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].point == point {
			return all[i].dev, nil
		}
	}
	return 0, unix.ENOTCONN
}

// unescape undoes the octal escapes of the mount table.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Stale says whether a mount of ours lies over the folder at dir whose daemon is gone.
func Stale(dir string) (bool, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return false, err
	}
	mounts, err := Mounts()
	if err != nil || !slices.Contains(mounts, dir) {
		return false, err
	}
	// statfs(2) is a call that the kernel never answers by itself.
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == unix.ENOTCONN, nil
}

// Recover detaches what stale mounts of ours lie over the folder at dir.
func Recover(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for {
		stale, err := Stale(dir)
		if err != nil || !stale {
			return err
		}
		if err := detach(dir, os.Geteuid() == 0, true); err != nil {
			return err
		}
	}
}
