package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// State is the name of the directory in which a replica keeps all that is its own.
const State = ".syncfs"

// A Folder is a replica's folder on this machine, or one that is to become a replica.
type Folder struct {
	Dir     string // absolute, without symlinks
	Mounted bool
	Replica bool // mounted, or there is a .syncfs
	UID     int  // whose it is: the user who mounted it, else the one who asks
}

// What Find ends with when it can't tell which folder is meant.
var (
	ErrNone = errors.New("no replica here")
	ErrMany = errors.New("several folders are mounted")
)

// At is the folder at dir itself, replica or not.
func At(dir string) (Folder, error) {
	dir, mounts, err := look(dir)
	if err != nil {
		return Folder{}, err
	}
	return at(dir, mounts)
}

// Find is the replica that holds dir: the deepest directory above it, or itself, that is mounted or has
// a .syncfs. An empty dir is the working directory and, where that is in no replica, the one folder
// that is mounted.
func Find(dir string) (Folder, error) {
	start, mounts, err := look(dir)
	if err != nil {
		return Folder{}, err
	}
	f, err := above(start, mounts)
	switch {
	case err != nil || f.Replica:
		return f, err
	case dir == "":
		return only(start, mounts)
	}
	return Folder{}, fmt.Errorf("%s: %w; `syncfs mount %s` makes it one", start, ErrNone, start)
}

// FindOrMake is as Find, but makes dir a replica's folder where it is in none: what sets up a replica
// may come before its first mount. The root and the home directory are never made one in passing.
func FindOrMake(dir string) (Folder, error) {
	start, mounts, err := look(dir)
	if err != nil {
		return Folder{}, err
	}
	f, err := above(start, mounts)
	if err != nil || f.Replica {
		return f, err
	}
	if home, _ := os.UserHomeDir(); dir == "" && (start == "/" || start == home) {
		return only(start, mounts)
	}
	if err := os.Mkdir(filepath.Join(start, State), 0o700); err != nil {
		return Folder{}, err
	}
	return at(start, mounts)
}

func look(dir string) (start string, mounts []Mount, err error) {
	if start, err = resolve(dir); err != nil {
		return "", nil, err
	}
	mounts, err = Mounts()
	return start, mounts, err
}

// above is the deepest replica that holds start; none is no error.
func above(start string, mounts []Mount) (Folder, error) {
	for d := start; ; d = filepath.Dir(d) {
		f, err := at(d, mounts)
		if err != nil || f.Replica || d == "/" {
			return f, err
		}
	}
}

// only is the one mounted folder of this user.
func only(start string, mounts []Mount) (Folder, error) {
	var dirs []string
	for _, m := range mounts {
		if m.UID == os.Getuid() && !slices.Contains(dirs, m.Dir) {
			dirs = append(dirs, m.Dir)
		}
	}
	switch len(dirs) {
	case 0:
		return Folder{}, fmt.Errorf("%s: %w, and no folder is mounted; name the folder", start, ErrNone)
	case 1:
		return at(dirs[0], mounts)
	}
	return Folder{}, fmt.Errorf("%w (%s); name the one that is meant", ErrMany, strings.Join(dirs, ", "))
}

func at(dir string, mounts []Mount) (Folder, error) {
	for _, m := range mounts {
		if m.Dir == dir {
			return Folder{Dir: dir, Mounted: true, Replica: true, UID: m.UID}, nil
		}
	}
	info, err := os.Lstat(filepath.Join(dir, State))
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR), errors.Is(err, fs.ErrPermission):
	default:
		return Folder{}, err
	}
	return Folder{Dir: dir, Replica: err == nil && info.IsDir(), UID: os.Getuid()}, nil
}

// resolve makes a path absolute and free of symlinks. What does not answer, since it is a mount whose
// daemon is gone, or is not there yet, keeps its last name.
func resolve(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if pwd := os.Getenv("PWD"); err != nil && filepath.IsAbs(pwd) {
		// The working directory is in a mount that was taken away: the shell knows where that was.
		abs, err = filepath.Join(pwd, dir), nil
	}
	if err != nil {
		return "", fmt.Errorf("working directory: %w", err)
	}
	real, err := filepath.EvalSymlinks(abs)
	switch {
	case err == nil:
		return real, nil
	case abs != "/" && (errors.Is(err, unix.ENOTCONN) || errors.Is(err, fs.ErrNotExist)):
		parent, err := resolve(filepath.Dir(abs))
		return filepath.Join(parent, filepath.Base(abs)), err
	}
	return "", err
}
