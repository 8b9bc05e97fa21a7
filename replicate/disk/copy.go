package disk

import (
	"context"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"syncfs/journal"
	"syncfs/journal/item"
)

// copyAll has copies made of contents that are on disk.
func (s *staging) copyAll(needs map[item.Hash]int) {
	if len(needs) == 0 {
		return
	}
	s.mu.Lock()
	for root, n := range needs {
		if more := n - s.orders[root]; more > 0 {
			s.orders[root] += more
			s.under[root] += more
		}
	}
	s.mu.Unlock()
	select {
	case s.copying <- struct{}{}:
	default:
	}
}

// copyOrders makes the copies asked for. What is on disk nowhere any more is fetched.
func (s *staging) copyOrders(ctx context.Context) error {
	s.mu.Lock()
	orders := s.orders
	s.orders = map[item.Hash]int{}
	s.mu.Unlock()
	var l []content
	hand := func() {
		s.mu.Lock()
		s.waiting += len(l)
		s.mu.Unlock()
		if len(l) > 0 {
			s.settle(l)
		}
		l = nil
	}
	for root, n := range orders {
		for i := range n {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			name, ok := s.copyOf(root)
			if !ok {
				s.giveUp(root, n-i)
				break
			}
			if l = append(l, content{root: root, name: name}); len(l) >= maxWaiting {
				hand()
			}
		}
	}
	hand()
	return nil
}

// giveUp: nothing here has the content any more, and so many copies will not come. The executor finds that out for
// itself, and a session that has waited for the copy asks its peer (Wanted).
func (s *staging) giveUp(root item.Hash, n int) {
	s.mu.Lock()
	s.over(root, n)
	s.lost = append(s.lost, root)
	s.mu.Unlock()
	s.poke()
}

// copyOf makes a file of staging with a content that is on disk.
func (s *staging) copyOf(root item.Hash) (string, bool) {
	name := s.fresh()
	file, err := s.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, usual)
	if err != nil {
		s.f.refuse(stagingDir, err)
		return "", false
	}
	defer file.Close()
	if root == emptyRoot {
		return name, true
	}
	var sources []*journal.Applied
	paths := map[*journal.Applied]string{}
	err = s.f.journal.View(func(tx *journal.Tx) error {
		return tx.ByRoot(root, func(a *journal.Applied) error {
			p, err := at(a).path(tx)
			if err == nil && len(sources) < 8 {
				sources = append(sources, a)
				paths[a] = p
			}
			return nil
		})
	})
	for _, a := range sources {
		if err == nil && s.copyFrom(paths[a], a, file, root) == nil {
			return name, true
		}
	}
	s.discard(name)
	return "", false
}

// copyFrom copies a file, sharing its blocks where the filesystem can, and checks what it has copied.
func (s *staging) copyFrom(path string, a *journal.Applied, to *os.File, root item.Hash) error {
	from, err := s.f.disk.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	if sig, err := signatureOf(from); err != nil || sig.Size != a.Content.Size {
		return errMoving
	}
	if unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) != nil {
		if err := to.Truncate(0); err != nil {
			return err
		}
		if err := copyData(to, from, a.Content.Size); err != nil {
			return err
		}
	}
	if _, err := to.Seek(0, io.SeekStart); err != nil {
		return err
	}
	l, err := s.splitter.Split(to)
	if err != nil || l.Root() != root {
		return errMoving
	}
	return nil
}
