package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// twin does the same things in two directories, one after the other, and wants the same results.
func (k task) twin(a, b string) error {
	for _, dir := range []string{a, b} {
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	s, kinds := newSource(k.seed, 0), k.kinds()
	var last []string
	for i := range k.ops {
		o := s.next(kinds)
		inA, errA := o.kind.do(a+"/", o)
		inB, errB := o.kind.do(b+"/", o)
		last = append(last, fmt.Sprintf("%v: %v", o, errA))
		last = last[max(0, len(last)-memory):]
		if inA != inB || errA != errB {
			return fmt.Errorf("operation %d: %v: %s: %q, %v; %s: %q, %v; the last operations:\n%s", i, o,
				a, inA, errA, b, inB, errB, strings.Join(last, "\n"))
		}
	}
	return nil
}
