package churn

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"syncfs/journal"
	"syncfs/journal/item"
	"syncfs/journal/step"
	"syncfs/replicate"
)

// A history is two or three replicas that programs work in, between flushes.
type history struct {
	*testing.T
	ctx  context.Context
	rand *rand.Rand
	net  *Network
	lost map[string]string // contents that no program has replaced or removed, and where they were written
	told []string
}

func TestReplicasEndEqual(t *testing.T) {
	for i := range *histories {
		seed := *firstSeed + uint64(i)
		for _, threads := range []int{1, 4} {
			t.Run(fmt.Sprintf("threads=%d/seed=%d", threads, seed), func(t *testing.T) { playTogether(t, seed, threads) })
		}
	}
}

func playTogether(t *testing.T, seed uint64, threads int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(*rounds)*patience)
	defer cancel()
	h := &history{T: t, ctx: ctx, rand: rand.New(rand.NewPCG(seed, 1)), net: NewNetwork(), lost: map[string]string{}}
	logs := map[string]*bytes.Buffer{}
	defer func() {
		if t.Failed() {
			for _, m := range h.net.Members {
				t.Log(m.wants())
			}
		}
		if err := h.net.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(strings.Join(h.told, "\n"))
			for name, log := range logs {
				t.Logf("log of %s:\n%s", name, log)
			}
		}
	}()
	base := t.TempDir()
	for i := range 2 + h.rand.IntN(2) {
		name := string(rune('a' + i))
		dir := filepath.Join(base, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		logs[name] = &bytes.Buffer{}
		if err := h.net.Join(dir, name, slog.New(slog.NewTextHandler(logs[name], nil))); err != nil {
			t.Fatal(err)
		}
	}
	h.net.Open()
	for range 4 + h.rand.IntN(8) {
		h.something(threads)
	}
	h.flushAll()
	h.equal()
	if threads == 1 {
		h.nothingLost()
	}
}

// something is programs at work at one replica, or a flush.
func (h *history) something(threads int) {
	m := h.net.Members[h.rand.IntN(len(h.net.Members))]
	if h.rand.IntN(3) > 0 {
		h.work(m, threads, 1+h.rand.IntN(40)/threads)
		return
	}
	peer := h.net.Members[h.rand.IntN(len(h.net.Members))]
	if peer != m {
		h.flush(m, peer.Name)
	}
}

func (h *history) work(m *Member, threads, each int) {
	cmd, err := Command(h.ctx, m.Dir, h.rand.Uint64(), threads, each)
	if err != nil {
		h.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.Fatalf("programs: %v\n%s", err, out)
	}
	h.told = append(h.told, fmt.Sprintf("programs at %s\n%s", m.Name, out))
	for _, line := range strings.Split(string(out), "\n") {
		if gone, ok := strings.CutPrefix(line, "-"); ok {
			delete(h.lost, gone)
		} else if here, ok := strings.CutPrefix(line, "+"); ok {
			h.lost[here] = m.Name
		}
	}
}

func (h *history) flush(m *Member, peers ...string) []replicate.Outcome {
	l, err := m.Flush(h.ctx, peers...)
	if err != nil {
		h.Fatalf("%s: not at rest: %v: %+v", m.Name, err, m.Folder.Status())
	}
	h.told = append(h.told, fmt.Sprintf("flush at %s with %v: %v", m.Name, peers, l))
	return l
}

// flushAll flushes everywhere. All are reachable and nothing is held: twice round everybody has all.
func (h *history) flushAll() {
	for range 2 {
		for _, m := range h.net.Members {
			h.flush(m)
		}
	}
	for _, m := range h.net.Members {
		for _, o := range h.flush(m) {
			if o.Kind != replicate.OK {
				h.Errorf("flush at %s with %s: %v: %v, %+v", m.Name, o.Peer, o.Kind, o.Err, m.Folder.Status())
			}
		}
	}
}

// equal wants the same tree everywhere, and each journal to say so.
func (h *history) equal() {
	first := h.tree(h.net.Members[0])
	for _, m := range h.net.Members {
		l, err := m.Differences()
		if err != nil {
			h.Fatal(err)
		}
		if len(l) > 0 {
			h.Errorf("%s:\n%s", m.Name, strings.Join(l, "\n"))
		}
		other := h.tree(m)
		for _, p := range slices.Sorted(maps.Keys(first)) {
			if first[p] != other[p] {
				h.Errorf("%s: %s has %.60q, %s has %.60q", p, h.net.Members[0].Name, first[p], m.Name, other[p])
			}
		}
		for p := range other {
			if _, ok := first[p]; !ok {
				h.Errorf("%s: %s alone has it: %.60q", p, m.Name, other[p])
			}
		}
	}
}

func (h *history) nothingLost() {
	here := map[string]bool{}
	for _, e := range h.tree(h.net.Members[0]) {
		_, text, _ := strings.Cut(e, " ")
		line, _, _ := strings.Cut(text, "\n")
		here[nameOf(line, text)] = true
	}
	for content, who := range h.lost {
		if !here[content] {
			h.Errorf("lost: %q, written at %s", content, who)
		}
	}
}

// tree is what is on disk: kind, mode, mtime and content by path.
func (h *history) tree(m *Member) map[string]string {
	all := map[string]string{}
	var walk func(dir string)
	walk = func(dir string) {
		l, err := m.Mount.List(dir)
		if err != nil {
			h.Fatal(err)
		}
		for _, st := range l {
			p := strings.TrimPrefix(dir+"/"+st.Name, "/")
			switch st.Kind {
			case step.Dir:
				all[p] = fmt.Sprintf("dir,%o", st.Mode)
				walk(p)
			case step.Symlink:
				target, _ := m.Mount.Readlink(p)
				all[p] = "-> " + target
			case step.File:
				text, err := m.read(p)
				if err != nil {
					h.Fatal(err)
				}
				all[p] = fmt.Sprintf("%v,%d %s", fs.FileMode(st.Mode), st.Signature.MTime, text)
			}
		}
	}
	walk("")
	return all
}

// wants is what a member waits for: contents, and the items that want them.
func (m *Member) wants() string {
	var b strings.Builder
	err := m.Journal.View(func(tx *journal.Tx) error {
		return tx.EachWanted(func(root item.Hash, id item.ID) error {
			fmt.Fprintf(&b, "%s wants %.8s for %.8s", m.Name, root, id)
			for _, state := range []func(item.ID) (*item.Item, error){tx.Known, tx.Older} {
				it, err := state(id)
				if err != nil {
					return err
				}
				if it == nil {
					continue
				}
				fmt.Fprintf(&b, "\n  at %.8s/%s, context %x", it.Place.Parent, it.Place.Name, it.Context)
				for d, e := range it.Entries {
					fmt.Fprintf(&b, "\n    %x.%d gone %v", d.Incarnation, d.Seq, e.Gone)
					for what, c := range map[string]*item.Content{"content": e.Content, "keeps": e.Keeps} {
						if c != nil {
							fmt.Fprintf(&b, " %s %.8s %q %d bytes %v", what, c.Root, c.Target, c.Size, c.Timestamp)
						}
					}
				}
			}
			b.WriteByte('\n')
			return nil
		})
	})
	if err != nil {
		return err.Error()
	}
	return b.String()
}
