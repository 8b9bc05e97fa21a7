package folder

import (
	"errors"
	"os/exec"
	"strings"
)

// fusermount unmounts for an ordinary user, by the setuid helper of the fuse3 package.
func fusermount(dir string) error {
	out, err := exec.Command("fusermount3", "-u", "-z", "--", dir).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("fusermount3 is not installed: it comes with the package fuse3")
	}
	if err != nil {
		return errors.New(strings.TrimSpace(string(out)))
	}
	return nil
}
