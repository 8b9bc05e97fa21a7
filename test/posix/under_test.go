package posix

import (
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// compareUnder holds what is left in the folder, once it is unmounted, against what is left in the native
// directory. Cases that are known to differ are left out.
func (g ground) compareUnder(t *testing.T) {
	native, folder := describe(g.native), describe(g.folder)
	delete(folder, ".syncfs")
	for path := range folder {
		if strings.HasPrefix(path, ".syncfs/") {
			delete(folder, path)
		}
	}
	paths := map[string]bool{}
	for path := range native {
		paths[path] = true
	}
	for path := range folder {
		paths[path] = true
	}
	for path := range paths {
		dir, _, _ := strings.Cut(path, "/")
		if native[path] != folder[path] && !g.apart[dir] && path != "." {
			t.Errorf("left at %.100s: native %s, folder %s", path, native[path], folder[path])
		}
	}
	if len(paths) < 100 && len(native) > 100 {
		t.Errorf("only %d paths are left", len(paths))
	}
}

// describe says of each path in a directory what is there.
func describe(dir string) map[string]string {
	all := map[string]string{}
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		if err == nil {
			all[name] = describeOne(path)
		}
		return nil
	})
	return all
}

func describeOne(path string) string {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err.Error()
	}
	said := fmt.Sprintf("%o %d:%d %d links", st.Mode, st.Uid, st.Gid, st.Nlink)
	if at := time.Unix(st.Mtim.Unix()); time.Since(at).Abs() > time.Hour {
		said += " " + stamp(st.Mtim)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		target, err := os.Readlink(path)
		said += fmt.Sprintf(" to %.50q %v", target, err)
	case unix.S_IFREG:
		unix.Chmod(path, 0o600) // an ordinary user reads only then what is in it
		said += fmt.Sprintf(" %d bytes", st.Size)
		if st.Size < 1<<24 {
			b, err := os.ReadFile(path)
			said += fmt.Sprintf(" %08x %v", crc32.ChecksumIEEE(b), err)
		}
	}
	return said + attributes(path)
}

func attributes(path string) string {
	buf := make([]byte, 1<<16)
	n, err := unix.Llistxattr(path, buf)
	if err != nil {
		return " " + err.Error()
	}
	names := strings.FieldsFunc(string(buf[:n]), func(r rune) bool { return r == 0 })
	slices.Sort(names)
	said := ""
	for _, name := range names {
		n, err := unix.Lgetxattr(path, name, buf)
		said += fmt.Sprintf(" %.30s=%.30q %v", name, buf[:max(n, 0)], err)
	}
	return said
}
