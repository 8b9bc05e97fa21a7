package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// list prints a tree in order, one line for each name: mode, mtime and content of files, the target of symlinks,
// the user's attributes; all that replicas agree on.
func list(out io.Writer, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		switch {
		case err != nil:
			return err
		case rel == ".":
			return nil
		case rel == ".syncfs":
			return fs.SkipDir
		}
		line, err := describe(path)
		if err == nil {
			_, err = fmt.Fprintf(out, "%s: %s\n", rel, line)
		}
		return err
	})
}

func describe(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(path)
		return "-> " + target, err
	}
	attributes, err := xattrs(path, unix.Llistxattr, unix.Lgetxattr)
	if err != nil {
		return "", &fs.PathError{Op: "xattrs", Path: path, Err: err}
	}
	if info.IsDir() {
		return fmt.Sprintf("%v %s", info.Mode(), attributes), nil
	}
	content, err := os.ReadFile(path)
	return fmt.Sprintf("%v %s %s %s", info.Mode(), info.ModTime().UTC().Format("2006-01-02 15:04:05.000000000"), digest(content), attributes), err
}
