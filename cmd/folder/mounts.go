package folder

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// Type is the filesystem type of a mounted replica in the mount table.
const Type = "fuse.syncfs"

// A Mount is one line of the mount table.
type Mount struct {
	Dir string
	UID int // the user who mounted it
}

// Mounts lists the mounted replicas, in the order in which they were mounted.
func Mounts() ([]Mount, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("mount table: %w", err)
	}
	defer f.Close()
	return readMounts(f)
}

// readMounts reads lines of the form of proc_pid_mountinfo(5): six fixed fields, any number of
// optional ones, a lone hyphen, then type, source and options of the filesystem.
func readMounts(r io.Reader) ([]Mount, error) {
	var mounts []Mount
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		before, after, found := strings.Cut(lines.Text(), " - ")
		fixed, about := strings.Fields(before), strings.Fields(after)
		if !found || len(fixed) < 6 || len(about) < 3 || about[0] != Type {
			continue
		}
		mounts = append(mounts, Mount{Dir: unescape(fixed[4]), UID: owner(about[2])})
	}
	return mounts, lines.Err()
}

// owner is the number behind user_id= in the options of a FUSE mount.
func owner(options string) int {
	for _, o := range strings.Split(options, ",") {
		if v, found := strings.CutPrefix(o, "user_id="); found {
			if uid, err := strconv.Atoi(v); err == nil {
				return uid
			}
		}
	}
	return os.Getuid()
}

// unescape undoes the kernel's \ooo for space, tab, newline and backslash.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
