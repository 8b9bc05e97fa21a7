package sshpeer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
)

// maxMembersFile bounds the file before it is read.
const maxMembersFile = 1 << 20

// Members is the list of who belongs, kept in a TOML file. The file is read again whenever it has
// changed; while it cannot be read, nobody is let in. Safe for use by many at once.
type Members struct {
	file string

	mu   sync.Mutex // guards what follows; a Conn's own mutex may be taken after it
	seen os.FileInfo
	list []Member
	err  error // what the file in seen is refused for
	open map[*Conn]bool
}

// membersFile is the file as TOML has it.
type membersFile struct {
	Member []Member `toml:"member"`
}

// OpenMembers keeps the list in file, which need not exist yet.
func OpenMembers(file string) (*Members, error) {
	ms := &Members{file: file, open: map[*Conn]bool{}}
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return ms, ms.reload()
}

// List gives all members by name.
func (ms *Members) List() ([]Member, error) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if err := ms.reload(); err != nil {
		return nil, err
	}
	list := slices.Clone(ms.list)
	for i := range list {
		list[i].Keys = slices.Clone(list[i].Keys)
	}
	return list, nil
}

// Get finds a member by name.
func (ms *Members) Get(name string) (Member, error) {
	list, err := ms.List()
	if err != nil {
		return Member{}, err
	}
	for _, m := range list {
		if m.Name == name {
			return m, nil
		}
	}
	return Member{}, faultf(ErrNotMember, "%q is not a member here; `syncfs peer ls` lists them, `syncfs peer add %s` adds it", name, name)
}

// ByKey finds the member that may show k.
func (ms *Members) ByKey(k Key) (Member, error) {
	list, err := ms.List()
	if err != nil {
		return Member{}, err
	}
	for _, m := range list {
		if m.Has(k) {
			return m, nil
		}
	}
	return Member{}, faultf(ErrNotMember, "key %s is not a member's here; to let it in: syncfs peer add NAME --key '%s'", k.Fingerprint(), k)
}

// Put adds m or replaces the member of its name. Open connections whose key is no longer its member's are
// cut.
func (ms *Members) Put(m Member) error {
	return ms.change(func(list []Member) ([]Member, error) {
		list = slices.DeleteFunc(list, func(o Member) bool { return o.Name == m.Name })
		return append(list, m), nil
	})
}

// Remove drops the member of that name and cuts its open connections.
func (ms *Members) Remove(name string) error {
	return ms.change(func(list []Member) ([]Member, error) {
		rest := slices.DeleteFunc(slices.Clone(list), func(o Member) bool { return o.Name == name })
		if len(rest) == len(list) {
			return nil, faultf(ErrNotMember, "%q is not a member here; `syncfs peer ls` lists them", name)
		}
		return rest, nil
	})
}

func (ms *Members) change(edit func([]Member) ([]Member, error)) error {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if err := ms.reload(); err != nil {
		return err
	}
	list, err := edit(slices.Clone(ms.list))
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	if err := checkAll(list); err != nil {
		return err
	}
	var text bytes.Buffer
	text.WriteString("# The members of this folder. `syncfs peer` writes this file; edits are seen within seconds.\n\n")
	if err := toml.NewEncoder(&text).Encode(membersFile{list}); err != nil {
		return &fs.PathError{Op: "write members", Path: ms.file, Err: err}
	}
	if err := replaceFile(ms.file, text.Bytes(), 0o600); err != nil {
		return err
	}
	return ms.reload()
}

// reload takes in what the file says, if it has changed, and cuts connections that it no longer allows.
func (ms *Members) reload() error {
	info, err := os.Stat(ms.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		ms.seen, ms.list, ms.err = nil, nil, nil
	case err != nil:
		return err
	case same(info, ms.seen):
		return ms.err
	default:
		ms.seen = info
		ms.list, ms.err = readMembers(ms.file)
		if ms.err != nil {
			return ms.err
		}
	}
	ms.cut()
	return nil
}

func readMembers(file string) ([]Member, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxMembersFile+1))
	if err != nil {
		return nil, err
	}
	list, err := parseMembers(text)
	if err != nil {
		return nil, &fs.PathError{Op: "read members", Path: file, Err: err}
	}
	return list, nil
}

func parseMembers(text []byte) ([]Member, error) {
	if len(text) > maxMembersFile {
		return nil, fmt.Errorf("larger than %d bytes", maxMembersFile)
	}
	var parsed membersFile
	meta, err := toml.Decode(string(text), &parsed)
	if err != nil {
		return nil, err
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("unknown key %s", unknown[0])
	}
	return parsed.Member, checkAll(parsed.Member)
}

// same tells by stat that a file is as it was seen.
func same(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// admit takes an authenticated connection into the list of open ones, unless its key is no longer that of
// its member: a removal either finds the connection here or is found by it.
func (ms *Members) admit(c *Conn) error {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if err := ms.reload(); err != nil {
		return err
	}
	if !ms.allows(c) {
		return removed(c)
	}
	ms.open[c] = true
	return nil
}

func (ms *Members) forget(c *Conn) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	delete(ms.open, c)
}

// recheck looks at the file once more, for connections that live while nobody asks.
func (ms *Members) recheck() {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	_ = ms.reload() // a file that cannot be read lets nobody in, and cuts nobody off
}

func (ms *Members) cut() {
	for c := range ms.open {
		if !ms.allows(c) {
			delete(ms.open, c)
			c.end(removed(c))
		}
	}
}

func (ms *Members) allows(c *Conn) bool {
	return slices.ContainsFunc(ms.list, func(m Member) bool { return m.Name == c.peer && m.Has(c.key) })
}

func removed(c *Conn) error {
	return faultf(ErrNotMember, "%s with key %s was removed from the members here", c.peer, c.key.Fingerprint())
}
