package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
)

// tree has processes and threads of each do things at once in the directory, which is made if it is not there.
func (k task) tree(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if k.processes > 1 {
		return k.fork(dir)
	}
	failed := make(chan error, k.threads)
	var all sync.WaitGroup
	for thread := range k.threads {
		s := newSource(k.seed, uint64(thread))
		all.Go(func() { failed <- s.storm(dir+"/", k.kinds(), k.ops/k.threads) })
	}
	all.Wait()
	close(failed)
	var errs []error
	for err := range failed {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// storm does n things below root.
func (s source) storm(root string, kinds []*kind, n int) error {
	for i := range n {
		o := s.next(kinds)
		if _, err := o.kind.do(root, o); err != nil && !o.explained(err) {
			return fmt.Errorf("operation %d: %v: %w", i, o, err)
		}
	}
	return nil
}

// fork has the work done by that many processes, each with a seed of its own.
func (k task) fork(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var errs []error
	var all []*exec.Cmd
	for i := range k.processes {
		cmd := exec.Command(self, "tree", "-processes", "1", "-seed", strconv.FormatUint(k.seed+uint64(i), 10),
			"-ops", strconv.Itoa(k.ops/k.processes), "-threads", strconv.Itoa(k.threads), "-without", k.without, dir)
		cmd.Stdout, cmd.Stderr = k.out, io.Writer(os.Stderr)
		if err := cmd.Start(); err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, cmd)
	}
	for _, cmd := range all {
		errs = append(errs, cmd.Wait())
	}
	return errors.Join(errs...)
}
