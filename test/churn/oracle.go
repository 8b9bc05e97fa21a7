package churn

import (
	"fmt"
	"io"
	"path"
	"strconv"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/step"
	"syncfs/replicate/chunk"
	"syncfs/replicate/tree"
)

// Differences is where disk, journal and shown tree do not say the same, one a line; none once all is at rest.
func (r *Replica) Differences() (l []string, err error) {
	err = r.Tree.View(func(v tree.View) error {
		o := &oracle{r: r, v: v}
		root, _, err := v.Dir(item.Root)
		if err == nil {
			err = o.dir("", 0, root)
		}
		l = o.found
		return err
	})
	return l, err
}

// An oracle compares one moment of the journal with the disk.
type oracle struct {
	r     *Replica
	v     tree.View
	found []string
}

func (o *oracle) differ(at, format string, args ...any) {
	o.found = append(o.found, at+": "+fmt.Sprintf(format, args...))
}

// dir compares a directory: with what is on disk, and with the node that it is.
func (o *oracle) dir(at string, slot journal.Slot, n tree.Node) error {
	entries, err := o.r.Mount.List(at)
	if err != nil {
		o.differ(at, "can't be listed: %v", err)
		return nil
	}
	there := map[string]step.Stat{}
	for _, st := range entries {
		if st.Kind != step.Other {
			there[st.Name] = st
		}
	}
	shown := map[string]tree.Node{}
	nodes, err := o.v.List(n)
	if err != nil {
		return err
	}
	for _, k := range nodes {
		shown[k.Name] = k
	}
	err = o.v.Tx.EachApplied(slot, func(a *journal.Applied) error {
		p := path.Join(at, a.Name)
		st, onDisk := there[a.Name]
		delete(there, a.Name)
		switch {
		case a.Absent && onDisk:
			o.differ(p, "absent to the journal, on disk all the same")
		case !a.Absent && !onDisk:
			o.differ(p, "in the journal, not on disk")
		case !a.Absent:
			if err := o.same(p, a, st); err != nil {
				return err
			}
		}
		k, ok := shown[a.Name]
		delete(shown, a.Name)
		if !ok {
			o.differ(p, "in the journal, not shown")
			return nil
		}
		return o.shows(p, a, k)
	})
	for name := range there {
		o.differ(path.Join(at, name), "on disk, not in the journal")
	}
	for name := range shown {
		o.differ(path.Join(at, name), "shown, not in the journal")
	}
	return err
}

// same compares an entry of the journal with what is on disk.
func (o *oracle) same(p string, a *journal.Applied, st step.Stat) error {
	if a.Dir != (st.Kind == step.Dir) {
		o.differ(p, "a directory in one alone")
		return nil
	}
	if st.Kind != step.Symlink && a.Mode != st.Mode&0o1777 {
		o.differ(p, "mode %o in the journal, %o on disk", a.Mode, st.Mode)
	}
	switch st.Kind {
	case step.Symlink:
		target, err := o.r.Mount.Readlink(p)
		if err != nil || a.Content == nil || !a.Content.Symlink || a.Content.Target != target {
			o.differ(p, "target %q on disk, content %v in the journal: %v", target, a.Content, err)
		}
	case step.File:
		data, err := o.r.read(p)
		if err != nil {
			return err
		}
		if root := chunk.Bytes(data).Root(); a.Content == nil || a.Content.Root != root {
			o.differ(p, "content %.20q on disk, another in the journal", data)
		}
		if a.MTime != st.Signature.MTime {
			o.differ(p, "mtime %d in the journal, %d on disk", a.MTime, st.Signature.MTime)
		}
	}
	return nil
}

// read is the content of a file, read underneath.
func (r *Replica) read(p string) ([]byte, error) {
	f, err := r.Mount.Open(p)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// shows compares an entry of the journal with the node that the tree shows under its name.
func (o *oracle) shows(p string, a *journal.Applied, n tree.Node) error {
	if a.Dir != n.Dir {
		o.differ(p, "a directory on disk or in the tree alone")
		return nil
	}
	if len(a.IDs) == 0 || a.IDs[0] != n.IDs[0] {
		o.differ(p, "item %v on disk, %v in the tree", a.IDs, n.IDs)
	}
	if a.Dir || !a.Content.Symlink {
		if m, _ := strconv.ParseUint(n.Meta[item.Mode], 8, 32); uint32(m) != a.Mode {
			o.differ(p, "mode %o on disk, %o in the tree", a.Mode, m)
		}
	}
	if a.Dir {
		return o.dir(p, a.Slot, n)
	}
	if n.Content == nil || n.Content.Key() != a.Content.Key() {
		o.differ(p, "another content on disk than in the tree")
	}
	if t, _ := strconv.ParseInt(n.Meta[item.MTime], 10, 64); !a.Content.Symlink && t != a.MTime {
		o.differ(p, "mtime %d on disk, %d in the tree", a.MTime, t)
	}
	return nil
}
