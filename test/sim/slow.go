package sim

import (
	"fmt"

	"syncfs/journal/item"
	"syncfs/replicate/tree"
)

// A file is held from when a program creates it until its content was read: it is in the tree, and is
// sent nowhere.

// writeSlowly creates a file that is written some other time; or writes one that was created so.
func (w *World) writeSlowly(s scene) {
	path := s.dir + letter(s.B)
	m := w.look(s.r)
	d, _ := m.at(s.dir)
	if _, taken := m.at(path); taken || w.writeHeld(s.r) {
		return
	}
	w.local(s.r, &change{
		what: "create " + path,
		do: func(e *tree.Edit) error {
			_, err := e.Create(d.Node, path[len(s.dir)+1:], w.content(unwritten), tree.Meta{item.Mode: "644"}, true)
			return err
		},
		want: func(t Tree) { t[path] = Stat{Content: unwritten, Mode: "644", MTime: mtimeText(unwritten)} },
		to:   []string{path},
	})
}

// writeHeld writes all files of r that were created and not written yet.
func (w *World) writeHeld(r *Replica) (any bool) {
	var held []item.ID
	w.must(r.tree.View(func(v tree.View) error {
		return v.Tx.EachHeld(func(id item.ID) error { held = append(held, id); return nil })
	}))
	for _, id := range held {
		var path string
		w.must(r.tree.View(func(v tree.View) error {
			k, ok, err := v.NodeOf(id)
			w.check(ok, "held, and not shown: %s", id)
			if err == nil {
				path, err = v.Path(k)
			}
			return err
		}))
		w.finishWriting(r, "/"+path)
	}
	return len(held) > 0
}

func (w *World) finishWriting(r *Replica, path string) {
	k, ok := w.look(r).at(path)
	w.check(ok, "held, and not shown at %s", path)
	content := w.fresh()
	w.local(r, &change{
		what: "write what was created, " + path + " " + content,
		do: func(e *tree.Edit) error {
			_, err := e.Write(k.Node, w.content(content))
			return err
		},
		want: func(t Tree) {
			s := t[path]
			s.Content, s.MTime = content, mtimeText(content)
			t[path] = s
		},
		writes: []string{content},
		to:     []string{path},
	})
}

// saveSlowlyByRename moves a temporary file over the file before its content was read.
func (w *World) saveSlowlyByRename(r *Replica, file string) {
	m := w.look(r)
	dir, nm := split(file)
	d, ok := m.at(dir)
	if _, taken := m.at(dir + "/tmp"); !ok || taken {
		return
	}
	var over *tree.Node
	if k, ok := m.at(file); ok {
		over = &k.Node
	}
	w.saveSlowly(r, file, func(e *tree.Edit, c item.Content) (item.ID, error) {
		tmp, err := e.Create(d.Node, "tmp", c, tree.Meta{item.Mode: "644"}, true)
		if err != nil {
			return tmp, err
		}
		k, ok, err := e.NodeOf(tmp)
		if err != nil || !ok {
			return tmp, fmt.Errorf("created, and not shown: %w", err)
		}
		return e.Rename(k, d.Node, nm, over)
	}, nil)
}

// saveSlowlyByBackup removes the old file, which was moved to a backup, before the content of the new one
// was read.
func (w *World) saveSlowlyByBackup(r *Replica, file string) {
	m := w.look(r)
	dir, nm := split(file)
	d, ok := m.at(dir)
	old, okOld := m.at(file + "~")
	if _, taken := m.at(file); !ok || !okOld || old.Dir || taken {
		return
	}
	w.saveSlowly(r, file, func(e *tree.Edit, c item.Content) (item.ID, error) {
		id, err := e.Create(d.Node, nm, c, tree.Meta{item.Mode: "644"}, true)
		if err != nil {
			return id, err
		}
		became, err := e.Unlink(old.Node)
		if became != (tree.Became{}) {
			return became.New, err
		}
		return id, err
	}, func(t Tree) { delete(t, file+"~") })
}

// saveSlowly makes a file by begin, which gives the item that is then written.
func (w *World) saveSlowly(r *Replica, file string, begin func(*tree.Edit, item.Content) (item.ID, error), also func(Tree)) {
	content := w.fresh()
	w.local(r, &change{
		what: "save " + file + " " + content,
		do: func(e *tree.Edit) error {
			id, err := begin(e, w.content(unwritten))
			if err != nil {
				return err
			}
			k, ok, err := e.NodeOf(id)
			if err != nil || !ok {
				return fmt.Errorf("saved, and not shown: %w", err)
			}
			_, err = e.Write(k, w.content(content))
			return err
		},
		want: func(t Tree) {
			t[file] = Stat{Content: content, Mode: "644", MTime: mtimeText(content)}
			if also != nil {
				also(t)
			}
		},
		writes: []string{content},
		to:     []string{file},
	})
}
