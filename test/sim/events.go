package sim

import (
	"fmt"
	"time"

	"syncfs/journal/item"
)

// A Step is one event. What its numbers mean depends on the state that they meet, so a step always
// means something, whatever steps before it are left out.
type Step struct {
	Event            Event
	Replica, A, B, C int
}

// An Event is what may happen.
type Event int

// The events.
const (
	Write Event = iota
	WriteLink
	WriteEqual // content that is elsewhere too
	Overwrite
	Link
	WriteSlowly // a file that is sent nowhere until it is written
	Mkdir
	Move
	MoveNear // in one directory, or to the one above
	Exchange
	Remove
	RemoveAll
	Set
	SaveByRename
	SaveByBackup
	SaveByRemoval
	Stale // a change meant for what was there before a session
	Session
	HalfSession // broken off when one side had joined
	BreakOff    // before that
	SendLate
	DeliverLate
	Fetch
	Restart
	Crash
	Backup
	Restore
	NewMember
)

// weights say how often each event happens, in a hundred.
var weights = map[Event]int{
	Write: 9, WriteLink: 1, WriteEqual: 3, Overwrite: 5, Link: 4, WriteSlowly: 2, Mkdir: 7,
	Move: 11, MoveNear: 5, Exchange: 2, Remove: 6, RemoveAll: 4, Set: 3,
	SaveByRename: 2, SaveByBackup: 2, SaveByRemoval: 2, Stale: 5,
	Session: 8, HalfSession: 6, BreakOff: 1, SendLate: 2, DeliverLate: 2, Fetch: 3,
	Restart: 1, Crash: 1, Backup: 1, Restore: 1, NewMember: 1,
}

// A scene is where a step happens.
type scene struct {
	Step
	r, other *Replica
	any      string // path of anything
	dir      string // of a directory
	into     string // of a name in a directory
	file     string // of a file; of none, if there is none
}

// letter is one of the few names that there are.
func letter(i int) string { return "/" + string(rune('a'+i%3)) }

// step lets an event happen.
func (w *World) step(s Step) {
	w.clock += time.Duration(1+s.C%3) * time.Second / 2
	x := scene{Step: s, r: pick(w.replicas, s.Replica), other: pick(w.replicas, s.A)}
	m := w.look(x.r)
	x.any = pick(m.all, s.A).path
	x.dir = pick(m.dirs(), s.A).path
	x.into = pick(m.dirs(), s.B).path + letter(s.C)
	x.file = "/nothing/here"
	if f := m.files(); len(f) > 0 {
		x.file = pick(f, s.A).path
	}
	w.happen(x)
	w.tidy(pick(w.replicas, s.Replica))
	w.tidy(pick(w.replicas, s.A))
}

func pick[T any](l []T, i int) T { return l[i%len(l)] }

func (w *World) happen(s scene) {
	switch s.Event {
	case Write:
		w.put(s.r, s.dir+letter(s.B), w.fresh())
	case WriteLink:
		w.put(s.r, s.dir+letter(s.B), fmt.Sprintf("->%d", s.C%2))
	case WriteEqual:
		w.put(s.r, s.dir+letter(s.B), fmt.Sprintf("eq%d", s.C%2))
	case Overwrite:
		w.put(s.r, s.file, w.fresh())
	case Link:
		w.link(s.r, s.file, s.into)
	case WriteSlowly:
		w.writeSlowly(s)
	case Mkdir:
		w.mkdir(s.r, s.dir+letter(s.B))
	case Move:
		w.move(s)
	case MoveNear:
		if s.any != "" {
			w.mv(s.r, s.any, parent(parent(s.any))+letter(s.C))
		}
	case Exchange:
		w.exchange(s.r, s.any, s.into)
	case Remove:
		w.rm(s.r, s.file)
	case RemoveAll:
		w.rmAll(s.r, s.any)
	case Set:
		key := pick([]string{item.Mode, item.MTime, xattr}, s.C)
		w.set(s.r, s.any, key, pick([]string{"700", "711", "751"}, s.B))
	case SaveByRename, SaveByBackup, SaveByRemoval:
		w.save(s)
	case Stale:
		w.stale(s)
	default:
		w.between(s)
	}
}

// between is what happens between replicas, and to them.
func (w *World) between(s scene) {
	switch s.Event {
	case Session:
		w.session(s.r, s.other)
	case HalfSession:
		w.half(s.r, s.other)
	case BreakOff: // both have stamped
		if s.r != s.other {
			w.offer(s.other, s.r)
		}
	case SendLate:
		if s.r != s.other {
			w.late = append(w.late, late{w.offer(s.other, s.r), s.r.name})
		}
	case DeliverLate:
		if len(w.late) > 0 {
			l := pick(w.late, s.B)
			w.accept(w.replica(l.to), l.offer)
		}
	case Fetch:
		w.fetch(s.r, s.B%3)
	case Restart:
		w.logf("%s starts anew", s.r.name)
		w.start(s.r)
	case Crash:
		w.logf("%s crashes", s.r.name)
		w.setBack(s.r, s.r.synced, false)
	case Backup:
		w.logf("%s is backed up", s.r.name)
		w.backups[s.r.name] = w.backUp(s.r)
	case Restore:
		if b := w.backups[s.r.name]; b != nil {
			w.logf("%s is restored", s.r.name)
			w.setBack(s.r, b, true)
		}
	case NewMember:
		if len(w.replicas) < 5 {
			w.join(string(rune('A'+len(w.replicas))), time.Duration(s.B%7*10-30)*time.Second)
		}
	}
}

// move moves anything, or, where all began with one tree, two or three directories into each other on
// as many replicas.
func (w *World) move(s scene) {
	dirs := w.look(s.r).dirs()
	if w.setup.Start != Shared || len(dirs) < 3 {
		w.mv(s.r, s.any, s.into)
		return
	}
	if s.Replica%3 == 0 {
		w.mv(s.r, pick(dirs[1:], s.A).path, s.into)
		return
	}
	p, q, third := pick(dirs[1:], s.A), pick(dirs[1:], s.B), pick(dirs[1:], s.C)
	if s.B%2 == 0 {
		third = p
	}
	w.moveInto(s.r, p, q, letter(s.C))
	w.moveInto(s.other, q, third, letter(s.A))
	if third.IDs[0] != p.IDs[0] {
		w.moveInto(pick(w.replicas, s.Replica+1+s.B), third, p, letter(s.B))
	}
}

// moveInto moves a directory into another, wherever r has them.
func (w *World) moveInto(r *Replica, dir, into entry, name string) {
	var from, to *entry
	for _, e := range w.look(r).dirs() {
		for _, id := range e.IDs {
			if id == dir.IDs[0] {
				from = &e
			}
			if id == into.IDs[0] {
				to = &e
			}
		}
	}
	if from != nil && to != nil {
		w.mv(r, from.path, to.path+name)
	}
}

// save is what editors do to save a file.
func (w *World) save(s scene) {
	temporary, backup := parent(s.file)+"/tmp", s.file+"~"
	switch slowly := s.C%3 == 0; s.Event {
	case SaveByRename:
		if slowly {
			w.saveSlowlyByRename(s.r, s.file)
			return
		}
		w.put(s.r, temporary, w.fresh())
		w.mv(s.r, temporary, s.file)
	case SaveByBackup:
		w.mv(s.r, s.file, backup)
		if slowly {
			w.saveSlowlyByBackup(s.r, s.file)
			return
		}
		w.put(s.r, s.file, w.fresh())
		if s.B%4 == 0 {
			w.half(pick(w.replicas, s.B), s.r)
		}
		w.rm(s.r, backup)
	case SaveByRemoval:
		w.rm(s.r, s.file)
		w.put(s.r, s.file, w.fresh())
	}
}
