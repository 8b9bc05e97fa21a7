package item

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"syncfs/journal/name"
	"syncfs/journal/version"
)

// Hidden is the directory of syncfs itself in the folder: no item has its place.
const Hidden = ".syncfs"

// The bounds of an item, whoever sends it.
const (
	MaxEntries  = 10_000 // and incarnations in the context
	MaxTarget   = 4095
	MaxRegister = 64 << 10
	MaxMeta     = 1_000
	MaxSize     = 4 << 20 // encoded
)

// Check says why it is no state that a replica could have made.
func (it *Item) Check() error {
	if it.ID == Root {
		return errors.New("the folder itself is no item")
	}
	if len(it.Context) > MaxEntries || len(it.Entries) > MaxEntries || len(it.Meta) > MaxMeta {
		return fmt.Errorf("too large: %d incarnations, %d entries, %d registers", len(it.Context), len(it.Entries), len(it.Meta))
	}
	if err := it.Place.check(it.ID); err != nil {
		return err
	}
	for d, e := range it.Entries {
		if err := e.check(it.Dir); err != nil {
			return err
		}
		if !it.Context.Has(d) {
			return fmt.Errorf("entry %x.%d: not in the context", d.Incarnation, d.Seq)
		}
	}
	for k, r := range it.Meta {
		if err := r.check(k); err != nil {
			return fmt.Errorf("register %.40q: %w", k, err)
		}
		if it.Dir && k == Group {
			return errors.New("a directory in a link group")
		}
	}
	return nil
}

func (p Place) check(id ID) error {
	if err := name.Check(p.Name); err != nil {
		return err
	}
	if p.Parent == Root && p.Name == Hidden {
		return fmt.Errorf("name %q: is kept for syncfs itself", p.Name)
	}
	if p.Parent == id {
		return errors.New("placed in itself")
	}
	return checkTimestamp(p.Timestamp)
}

func (e Entry) check(dir bool) error {
	c := e.Content
	switch {
	case c != nil && e.Keeps != nil:
		return errors.New("an entry that is content and mark of presence")
	case c == nil:
		c = e.Keeps
	}
	if c == nil {
		return nil
	}
	switch {
	case dir:
		return errors.New("a directory with content")
	case c.Size < 0:
		return fmt.Errorf("size %d", c.Size)
	case c.Symlink && c.Size != int64(len(c.Target)):
		return fmt.Errorf("size %d of a symlink with a target of %d bytes", c.Size, len(c.Target))
	case c.Symlink && c.Root != Hash{}, !c.Symlink && c.Target != "":
		return errors.New("content that is both bytes and target")
	}
	if err := c.Key().check(); err != nil {
		return err
	}
	return checkTimestamp(c.Timestamp)
}

func (k Key) check() error {
	switch {
	case k.Kind > Link, k.Kind != Bytes && k.Root != Hash{}, k.Kind != Link && k.Target != "":
		return errors.New("no key of a content")
	case k.Kind != Link:
		return nil
	case k.Target == "" || len(k.Target) > MaxTarget || strings.Contains(k.Target, "\x00"):
		return fmt.Errorf("target %.40q: no link target", k.Target)
	}
	return nil
}

func (r Register) check(key string) error {
	if err := checkTimestamp(r.Timestamp); err != nil {
		return err
	}
	if r.Absent && r.Value != "" {
		return errors.New("absent, but with a value")
	}
	switch {
	case key == Mode && !r.Absent:
		m, err := strconv.ParseUint(r.Value, 8, 16)
		if err != nil || m > 0o1777 || strconv.FormatUint(m, 8) != r.Value {
			return fmt.Errorf("value %.40q: no mode", r.Value)
		}
	case key == MTime && !r.Absent:
		t, err := strconv.ParseInt(r.Value, 10, 64)
		if err != nil || strconv.FormatInt(t, 10) != r.Value {
			return fmt.Errorf("value %.40q: no time", r.Value)
		}
	case key == Group && !r.Absent:
		if g, err := ParseID(r.Value); err != nil || g == Root || g.String() != r.Value {
			return fmt.Errorf("value %.40q: no link group", r.Value)
		}
	case key == Mode || key == MTime || key == Group:
	case !strings.HasPrefix(key, XAttr) || len(key) == len(XAttr) || len(key) > 255 || strings.Contains(key, "\x00"):
		return errors.New("no key of meta")
	case len(r.Value) > MaxRegister:
		return fmt.Errorf("value of %d bytes, %d is the most", len(r.Value), MaxRegister)
	}
	return nil
}

func checkTimestamp(t version.Timestamp) error {
	if t.Time < 0 {
		return fmt.Errorf("time %d", t.Time)
	}
	if t.Replica == "" {
		return nil // first contact
	}
	return name.CheckReplica(t.Replica)
}
