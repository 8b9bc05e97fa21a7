package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"syncfs/cmd/config"
	"syncfs/cmd/folder"
	"syncfs/sshpeer"
)

// A state is what .syncfs holds beside the journal: who this replica is and whom it knows.
type state struct {
	folder   string   // as a person names it
	handle   *os.File // of the folder, from before it was covered by a mount
	dir      string   // .syncfs by that handle
	config   config.Config
	first    bool // there is no config.toml yet
	identity *sshpeer.Identity
	members  *sshpeer.Members
}

// openState reads .syncfs of a folder, which must not be mounted; overlay, if it is not nil, has the last
// word on the config.
func openState(dir string, overlay func(*config.Config)) (*state, error) {
	handle, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	s := &state{folder: dir, handle: handle}
	s.dir = filepath.Join("/proc/self/fd", fmt.Sprint(handle.Fd()), folder.State)
	if err := s.read(overlay); err != nil {
		handle.Close()
		return nil, err
	}
	return s, nil
}

func (s *state) read(overlay func(*config.Config)) error {
	c, err := config.Read(s.dir)
	s.first = errors.Is(err, fs.ErrNotExist)
	if err != nil && !s.first {
		return s.inFolder(err)
	}
	if overlay != nil {
		overlay(&c)
	}
	if c.Name == "" {
		c.Name = config.HostName()
	}
	s.config = c
	if s.identity, err = sshpeer.LoadIdentity(s.dir, c.Name); err != nil {
		return s.inFolder(err)
	}
	if s.members, err = sshpeer.OpenMembers(filepath.Join(s.dir, "members.toml")); err != nil {
		return s.inFolder(err)
	}
	return nil
}

func (s *state) close() error { return s.handle.Close() }

// inFolder names the folder in an error that has a path by way of the handle.
func (s *state) inFolder(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		if rel, relErr := filepath.Rel(s.dir, path.Path); relErr == nil {
			path.Path = filepath.Join(s.folder, folder.State, rel)
		}
	}
	return err
}
