package backing

import "golang.org/x/sys/unix"

// fewPaths is up to how many paths are brought to disk one by one; more, by syncfs(2).
const fewPaths = 8

// Durable returns when what was done to the entries of the directories at these paths, and to the attributes of what else
// is there, is on disk; without paths, all that was done in the folder.
func (f *Folder) Durable(paths []string) error {
	if len(paths) == 0 || len(paths) > fewPaths {
		return f.syncAll()
	}
	for _, p := range paths {
		// What can't be opened may be unreadable, a symlink, or elsewhere by now.
		if done, err := f.syncOne(p); err != nil {
			return err
		} else if !done {
			return f.syncAll()
		}
	}
	return nil
}

func (f *Folder) syncOne(path string) (done bool, err error) {
	fd := -1
	_ = f.at("fsync", path, func(at At) (err error) {
		fd, err = unix.Openat(at.Dir, at.Name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		return err
	})
	if fd < 0 {
		return false, nil
	}
	defer unix.Close(fd)
	return true, pathError("fsync", path, unix.Fsync(fd))
}

func (f *Folder) syncAll() error {
	fd, err := unix.Openat(f.staging, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return pathError("syncfs", f.path, err)
	}
	defer unix.Close(fd)
	return pathError("syncfs", f.path, unix.Syncfs(fd))
}
