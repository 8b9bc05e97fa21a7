package control

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// places lists the directories in which the socket of a daemon of user uid may be. The first is known
// to those alone who share its environment.
func places(uid int) []string {
	var dirs []string
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) && uid == os.Getuid() {
		dirs = append(dirs, dir)
	}
	return append(dirs, fixedPlaces(uid)...)
}

func fixedPlaces(uid int) []string {
	id := strconv.Itoa(uid)
	return []string{"/run/user/" + id, "/tmp/syncfs-" + id, filepath.Join(os.TempDir(), "syncfs-"+id)}
}

// socketName is the name of a folder's socket in each of the places.
func socketName(folder string) string {
	sum := sha256.Sum256([]byte(folder))
	return fmt.Sprintf("syncfs-%x.sock", sum[:8])
}

// private is whether dir belongs to uid and nobody else can write there or read it.
func private(dir string, uid int) error {
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return &fs.PathError{Op: "lstat", Path: dir, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || int(st.Uid) != uid || st.Mode&0o077 != 0 {
		return fmt.Errorf("%s: not a directory of user %d with mode 0700", dir, uid)
	}
	return nil
}

// ownPlaces are the private places of this user, at least one of them found without the environment:
// one in the temporary directory is made where there is none.
func ownPlaces() ([]string, error) {
	uid := os.Getuid()
	var own []string
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) && private(dir, uid) == nil {
		own = append(own, dir)
	}
	var problems error
	for i, dir := range fixedPlaces(uid) {
		err := private(dir, uid)
		if i > 0 && errors.Is(err, fs.ErrNotExist) {
			if err = os.Mkdir(dir, 0o700); err == nil {
				err = private(dir, uid)
			}
		}
		if err == nil {
			return slices.Compact(append(own, dir)), nil
		}
		problems = errors.Join(problems, err)
	}
	return nil, fmt.Errorf("no place for the control socket: %w", problems)
}
