package sessiontest

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"slices"
	"sync"

	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate/chunk"
	"syncfs/replicate/session"
)

// A Replica is a replica in memory: flat, its files found by name; a small real session.Local.
type Replica struct {
	Name string

	mu        sync.Mutex // guards the rest; nothing is locked after it
	dot       version.Dot
	clock     int64
	items     map[item.ID]*item.Item
	knowledge version.Vector
	contents  map[item.Hash][]byte
	lists     map[item.Hash]chunk.List
	chunks    map[item.Hash][]byte
	wanted    map[item.Hash]session.Want
	busy      func(*session.Rest)
	staged    map[item.Hash]*stage
	refuse    error // of Commit
}

// NewReplica makes an empty replica.
func NewReplica(name string) *Replica {
	h := fnv.New64a()
	io.WriteString(h, name)
	return &Replica{
		Name:      name,
		dot:       version.Dot{Incarnation: version.Incarnation(h.Sum64())},
		items:     map[item.ID]*item.Item{},
		knowledge: version.Vector{},
		contents:  map[item.Hash][]byte{},
		lists:     map[item.Hash]chunk.List{},
		chunks:    map[item.Hash][]byte{},
		wanted:    map[item.Hash]session.Want{},
		staged:    map[item.Hash]*stage{},
	}
}

// change changes the item that has a name, with a new dot.
func (r *Replica) change(name string, f func(it *item.Item, d version.Dot, t version.Timestamp)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := item.Found(item.Root, name, false)
	for _, it := range r.items {
		if it.Place.Name == name {
			id = it.ID
		}
	}
	it := item.New(id, false)
	if old := r.items[id]; old != nil {
		it = old.Clone()
	}
	r.dot.Seq++
	r.clock++
	it.Context[r.dot.Incarnation] = r.dot.Seq
	r.knowledge[r.dot.Incarnation] = r.dot.Seq
	f(it, r.dot, version.Timestamp{Time: r.clock, Replica: r.Name})
	r.items[id] = it
}

// Write writes a file.
func (r *Replica) Write(name string, data []byte) {
	l := chunk.Bytes(data)
	root := l.Root()
	r.change(name, func(it *item.Item, d version.Dot, t version.Timestamp) {
		it.Place = item.Place{Name: name, Timestamp: t}
		clear(it.Entries)
		it.Entries[d] = item.Entry{Content: &item.Content{Root: root, Size: int64(len(data)), Timestamp: t}}
		r.hold(root, l, data)
	})
}

// Remove removes a file.
func (r *Replica) Remove(name string) {
	r.change(name, func(it *item.Item, _ version.Dot, _ version.Timestamp) {
		for d, e := range it.Entries {
			e.Gone = true
			it.Entries[d] = e
		}
	})
}

// Rename gives a file another name.
func (r *Replica) Rename(name, to string) {
	r.change(name, func(it *item.Item, _ version.Dot, t version.Timestamp) {
		it.Place.Name, it.Place.Timestamp = to, t
	})
}

// Lose takes the bytes of a content away, as a program does that writes over a file. The chunks of other
// contents go with it where they are the same.
func (r *Replica) Lose(data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := chunk.Bytes(data)
	delete(r.contents, l.Root())
	for _, c := range l {
		delete(r.chunks, c.Hash)
	}
}

// Refuse lets every later Commit come to err, as a full disk does.
func (r *Replica) Refuse(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = err
}

// Files are the names of live files with the content last written; "" where it is not here.
func (r *Replica) Files() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	files := map[string]string{}
	for _, it := range r.items {
		if c := shown(it); c != nil {
			files[it.Place.Name] = string(r.contents[c.Root])
		}
	}
	return files
}

// Knowledge is what the replica has seen.
func (r *Replica) Knowledge() version.Vector {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.knowledge.Clone()
}

// shown is the content last written that is not gone.
func shown(it *item.Item) *item.Content {
	var last *item.Content
	for _, e := range it.Entries {
		if !e.Gone && e.Content != nil && (last == nil || e.Content.Timestamp.Compare(last.Timestamp) > 0) {
			last = e.Content
		}
	}
	return last
}

func (r *Replica) hold(root item.Hash, l chunk.List, data []byte) {
	r.contents[root], r.lists[root] = data, l
	for offset, c := range l.All() {
		r.chunks[c.Hash] = data[offset:][:c.Size]
	}
	delete(r.wanted, root)
}

// Begin implements session.Local, as the other methods below do.
func (r *Replica) Begin(context.Context) (version.Vector, error) { return r.Knowledge(), nil }

func (r *Replica) Offer(_ context.Context, have version.Vector, knowledge func(version.Vector) error, state func(*item.Item) error) error {
	r.mu.Lock()
	v := r.knowledge.Clone()
	var unseen []*item.Item
	for _, it := range r.items {
		if !have.Covers(it.Context) {
			unseen = append(unseen, it)
		}
	}
	r.mu.Unlock()
	if err := knowledge(v); err != nil {
		return err
	}
	for _, it := range unseen {
		if err := state(it); err != nil {
			return err
		}
	}
	return nil
}

func (r *Replica) Join(_ context.Context, states iter.Seq2[*item.Item, error], knowledge version.Vector, _ func()) error {
	var all []*item.Item
	for it, err := range states {
		if err != nil {
			return err
		}
		all = append(all, it)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if knowledge[r.dot.Incarnation] > r.dot.Seq {
		return fmt.Errorf("dot %d of this replica's own, which has drawn %d", knowledge[r.dot.Incarnation], r.dot.Seq)
	}
	for _, it := range all {
		var near []item.Hash
		if old := r.items[it.ID]; old != nil {
			if c := shown(old); c != nil {
				near = append(near, c.Root)
			}
			it = item.Join(old, it)
		}
		r.items[it.ID] = it
		if c := shown(it); c != nil {
			r.clock = max(r.clock, c.Timestamp.Time)
			if _, here := r.contents[c.Root]; !here {
				r.wanted[c.Root] = session.Want{Root: c.Root, Size: c.Size, Near: near}
			}
		}
	}
	r.knowledge = r.knowledge.Join(knowledge)
	return nil
}

func (r *Replica) Wanted(_ context.Context, passed func(item.Hash) bool, _ bool) iter.Seq2[session.Want, error] {
	r.mu.Lock()
	var all []session.Want
	for _, w := range r.wanted {
		if !passed(w.Root) {
			all = append(all, w)
		}
	}
	r.mu.Unlock()
	slices.SortFunc(all, func(a, b session.Want) int { return a.Root.Compare(b.Root) })
	return func(yield func(session.Want, error) bool) {
		for _, w := range all {
			if !yield(w, nil) {
				return
			}
		}
	}
}

func (r *Replica) Rest(context.Context) (session.Rest, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rest := session.Rest{Wanted: len(r.wanted)}
	if r.busy != nil {
		r.busy(&rest)
	}
	return rest, nil
}

// Busy has programs at work here: what they do is added to the Rest each time.
func (r *Replica) Busy(programs func(*session.Rest)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy = programs
}

func (r *Replica) Settle(context.Context) error { return nil }

func (r *Replica) List(_ context.Context, root item.Hash) (chunk.List, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, here := r.contents[root]; !here {
		return nil, chunk.ErrGone
	}
	return r.lists[root], nil
}

func (r *Replica) ReadContent(_ context.Context, root item.Hash) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	data, here := r.contents[root]
	if !here {
		return nil, chunk.ErrGone
	}
	return data, nil
}

func (r *Replica) ReadChunk(_ context.Context, h item.Hash) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	data, here := r.chunks[h]
	if !here {
		return nil, chunk.ErrGone
	}
	return data, nil
}
