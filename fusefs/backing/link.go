package backing

import (
	"golang.org/x/sys/unix"

	"syncfs/journal/signature"
	"syncfs/journal/step"
)

// Link makes the file at from an entry of staging as well, to be placed as a further name of it.
func (f *Folder) Link(from, staged string, sig signature.Signature) error {
	return f.at("link", from, func(at At) error { return f.LinkAt(at, staged, sig) })
}

// LinkAt is Link at an open directory.
func (f *Folder) LinkAt(at At, staged string, sig signature.Signature) error {
	st, err := at.Expect(sig)
	if err != nil {
		return err
	}
	if st.Kind != step.File {
		return unix.EPERM
	}
	return unix.Linkat(at.Dir, at.Name, f.staging, staged, 0)
}

// hasOthers tells whether a file has names beside this one.
func (at At) hasOthers() (bool, error) {
	st, err := at.stat()
	return st.Kind == step.File && st.Nlink > 1, err
}
