package tree_test

import (
	"fmt"
	"testing"
	"time"

	"math/rand/v2"

	"syncfs/replicate/tree"
)

// BenchmarkCreate is one file in a transaction of many, in a directory of thousands.
func BenchmarkCreate(b *testing.B) {
	w := &world{t: b, clock: time.Second, rand: rand.NewChaCha8([32]byte{1})}
	defer w.close()
	a := w.add("A")
	a.mkdir("d")
	d := a.at("d")
	for n := 0; n < b.N; n += 100 {
		a.update(func(e *tree.Edit) error {
			for i := range 100 {
				if _, err := e.Create(d, fmt.Sprint("f", n+i), bytes("x"), mode, false); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// BenchmarkJoin is one new file of a session of ten thousand.
func BenchmarkJoin(b *testing.B) {
	w := &world{t: b, clock: time.Second, rand: rand.NewChaCha8([32]byte{1})}
	defer w.close()
	a := w.add("A")
	a.mkdir("d")
	d := a.at("d")
	for n := 0; n < 10000; n += 500 {
		a.update(func(e *tree.Edit) error {
			for i := range 500 {
				if _, err := e.Create(d, fmt.Sprint("f", n+i), bytes(fmt.Sprint(n+i)), mode, false); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for n := 0; n < b.N; n += 10000 {
		b.StopTimer()
		r := w.add(fmt.Sprint("R", n))
		states := r.offered(a)
		b.StartTimer()
		w.must(r.Join(all(states...), w.lastKnowledge, func() {}))
	}
}
