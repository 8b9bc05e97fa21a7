package sim

import (
	"crypto/sha256"
	"fmt"
	"math/rand"
	"strconv"
	"strings"
	"time"

	"syncfs/journal/item"
	"syncfs/journal/version"
)

// A World is one history under way: its replicas, and what the oracles have to remember.
type World struct {
	replicas []*Replica
	backups  map[string]*backup // as a person made them
	late     []late
	clock    time.Duration
	rand     *rand.Rand
	setup    Setup
	crashes  bool // some event to come is a crash

	contents map[item.Key]string // names of contents
	drawn    int
	copies   map[item.ID]copied // every conflict copy ever shown

	ops       []userOp
	deletions []deletion
	written   map[string]bool // contents that users wrote
	linked    map[string]bool // contents of files that had several names
	covered   map[string]bool // and overwrote, or removed, or lost with a machine that was set back
	moves     map[item.ID]map[version.Timestamp]bool
	restored  bool
	crashed   bool // an operation was lost
	rounds    int

	log     []string
	verbose bool
}

// A copied is what a conflict copy was made of.
type copied struct {
	of  item.ID
	dot version.Dot
}

func newWorld(u Setup) *World {
	return &World{
		setup:    u,
		rand:     rand.New(rand.NewSource(u.Seed)),
		backups:  map[string]*backup{},
		contents: map[item.Key]string{},
		copies:   map[item.ID]copied{},
		written:  map[string]bool{},
		linked:   map[string]bool{},
		covered:  map[string]bool{},
		moves:    map[item.ID]map[version.Timestamp]bool{},
	}
}

// A failure is what an oracle says.
type failure string

func (w *World) fail(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

func (w *World) check(ok bool, format string, args ...any) {
	if !ok {
		w.fail(format, args...)
	}
}

// must is for what never fails here.
func (w *World) must(err error) {
	if err != nil {
		w.fail("error: %v", err)
	}
}

func (w *World) logf(format string, args ...any) {
	if w.verbose {
		w.log = append(w.log, fmt.Sprintf(format, args...))
	}
}

// xattr is the one extended attribute of the simulation.
const xattr = "user.x"

// unwritten is the content of a file that a program has created and not written yet.
const unwritten = "nothing"

// fresh is the name of a content that is nowhere else.
func (w *World) fresh() string {
	w.drawn++
	return fmt.Sprintf("x%d", w.drawn)
}

// shared contents are written in many places. What begins with an arrow is a symlink.
func shared(c string) bool {
	return c == unwritten || strings.HasPrefix(c, "eq") || isSymlink(c)
}

func isSymlink(c string) bool { return strings.HasPrefix(c, "->") }

// content is the content of a name: there are no bytes, only their root hash.
func (w *World) content(name string) item.Content {
	c := item.Content{Size: int64(len(name)), MTime: mtime(name)}
	switch {
	case isSymlink(name):
		c.Symlink, c.Target = true, name
	case name == unwritten:
		c.Size = 0
		fallthrough
	default:
		c.Root = sha256.Sum256([]byte(name))
	}
	w.contents[c.Key()] = name
	return c
}

// mtime is that of a content on disk.
func mtime(name string) int64 {
	sum := sha256.Sum256([]byte(name))
	return int64(sum[0])
}

func mtimeText(name string) string { return strconv.FormatInt(mtime(name), 10) }
