package backing

import (
	"strings"

	"golang.org/x/sys/unix"
)

// maxWalk bounds what one openat2 is given: PATH_MAX with its final NUL.
const maxWalk = unix.PathMax - 1

// Split returns the names of a path. What no entry of the folder can have is EINVAL; .syncfs is ENOENT.
func Split(path string) ([]string, error) {
	if path == "" {
		return nil, nil
	}
	names := strings.Split(path, "/")
	for _, n := range names {
		if n == "" || n == "." || n == ".." || strings.IndexByte(n, 0) >= 0 {
			return nil, unix.EINVAL
		}
	}
	if names[0] == Reserved {
		return nil, unix.ENOENT
	}
	return names, nil
}

// Walk opens the directory that the names lead to, O_PATH.
func Walk(root int, names []string) (int, error) {
	part, rest := reach(names)
	fd, err := open(root, part)
	for err == nil && len(rest) > 0 {
		part, rest = reach(rest)
		var next int
		next, err = open(fd, part)
		unix.Close(fd)
		fd = next
	}
	return fd, err
}

// walkTo opens the regular file that the names lead to for reading.
func walkTo(root int, names []string) (int, *unix.Stat_t, error) {
	// O_NONBLOCK, lest a fifo waits for its writer; it means nothing to a regular file.
	const flags = unix.O_NONBLOCK
	part, rest := reach(names)
	fd, err := -1, error(unix.ELOOP)
	if len(rest) == 0 {
		fd, err = openUntold(root, part, flags)
	}
	if err == unix.ELOOP && len(names) > 1 { // Walk tells whether a symlink is on the way, or at its end
		above := len(names) - 1
		dir, failed := Walk(root, names[:above])
		if failed != nil {
			return -1, nil, failed
		}
		fd, err = openUntold(dir, names[above], flags)
		unix.Close(dir)
	}
	if err != nil {
		return -1, nil, err
	}
	st := new(unix.Stat_t)
	err = unix.Fstat(fd, st)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = unix.EINVAL
	}
	if err != nil {
		unix.Close(fd)
		return -1, nil, err
	}
	return fd, st, nil
}

// reach is how far one openat2 goes: a path of the first names, "." of none, and the others.
func reach(names []string) (path string, rest []string) {
	if len(names) == 0 {
		return ".", nil
	}
	n, size := 1, len(names[0])
	for n < len(names) && size+1+len(names[n]) <= maxWalk {
		size += 1 + len(names[n])
		n++
	}
	return strings.Join(names[:n], "/"), names[n:]
}

// open opens a directory beneath dir without following a symlink.
func open(dir int, path string) (int, error) {
	fd, err := openAs(dir, path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)
	if err == unix.ELOOP { // a symlink is on the way, so no directory
		err = unix.ENOTDIR
	}
	return fd, err
}

// openUntold opens for reading what the daemon reads for itself, so that no atime tells of it: programs would take
// it for their own. Of a file of somebody else it may not ask for that.
func openUntold(dir int, path string, flags uint64) (int, error) {
	flags |= unix.O_RDONLY | unix.O_CLOEXEC
	fd, err := openAs(dir, path, flags|unix.O_NOATIME)
	if err == unix.EPERM {
		fd, err = openAs(dir, path, flags)
	}
	return fd, err
}

// openAs opens what is beneath dir without following a symlink.
func openAs(dir int, path string, flags uint64) (int, error) {
	for {
		fd, err := unix.Openat2(dir, path, &unix.OpenHow{
			Flags:   flags,
			Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
		})
		switch err {
		case nil:
			return fd, nil
		case unix.EAGAIN, unix.EINTR: // EAGAIN: a rename was too near to tell
		default:
			return -1, err
		}
	}
}

// makeDirs is walk that makes what is missing, for the owner alone.
func makeDirs(root int, names []string) (int, error) {
	fd, err := open(root, ".")
	for _, n := range names {
		if err != nil {
			return -1, err
		}
		next, e := open(fd, n)
		if e == unix.ENOENT {
			if e = unix.Mkdirat(fd, n, 0o700); e == nil || e == unix.EEXIST {
				next, e = open(fd, n)
			}
		}
		unix.Close(fd)
		fd, err = next, e
	}
	return fd, err
}
