package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"syncfs/cmd/folder"
	"syncfs/fusefs"
)

// prepare sees to it that dir is there, is a replica's folder, and is not mounted, and returns its
// canonical path.
func prepare(dir string) (string, error) {
	f, err := folder.At(dir)
	if err != nil {
		return "", err
	}
	if f.Mounted {
		stale, err := fusefs.Stale(f.Dir)
		if err != nil {
			return "", err
		}
		if !stale {
			return "", fmt.Errorf("%s: mounted already; `syncfs status %s` tells by whom", f.Dir, f.Dir)
		}
		if err := fusefs.Recover(f.Dir); err != nil {
			return "", err
		}
	}
	if err := outside(f.Dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(f.Dir, 0o755); err != nil {
		return "", err
	}
	if err := os.Mkdir(filepath.Join(f.Dir, folder.State), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return f.Dir, nil
}

// outside refuses a folder inside of another replica: its files would be synced twice.
func outside(dir string) error {
	if dir == "/" {
		return errors.New("/: the root of the machine can't be a replica")
	}
	f, err := folder.Find(filepath.Dir(dir))
	switch {
	case errors.Is(err, folder.ErrNone):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%s: it is inside of the replica %s; a replica can't hold another", dir, f.Dir)
}
