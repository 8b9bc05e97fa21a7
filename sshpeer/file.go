package sshpeer

import (
	"errors"
	"os"
	"path/filepath"
)

// replaceFile puts content at file, whole and on disk, or leaves what is there.
func replaceFile(file string, content []byte, mode os.FileMode) error {
	temp, err := writeTemp(filepath.Dir(file), content, mode)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, file); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return syncDir(filepath.Dir(file))
}

// writeTemp leaves content, fsynced, under a new name in dir.
func writeTemp(dir string, content []byte, mode os.FileMode) (string, error) {
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
