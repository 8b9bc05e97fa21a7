package session_test

import (
	"fmt"
	"testing"

	"syncfs/replicate/session"
	"syncfs/replicate/session/sessiontest"
)

// exchange has one session between replicas, and tells what it cost on the wire.
func exchange(b *testing.B, from, to *sessiontest.Replica, bytes int) {
	p := sessiontest.NewPipe(from.Name, to.Name, 64)
	sender := serve(b, p.A, from, session.Options{Name: from.Name, Dialed: true})
	serve(b, p.B, to, session.Options{Name: to.Name})
	r := run(b, sender)
	if r.Theirs.Wanted > 0 {
		b.Fatalf("%+v", r)
	}
	b.ReportMetric(float64(r.Sent+r.Received-int64(bytes)), "overhead-B")
}

func Benchmark10000SmallContents(b *testing.B) {
	const size = 8 << 10
	from := sessiontest.NewReplica("laptop")
	content := data(1, size)
	for i := range 10_000 {
		own := fmt.Appendf(nil, "%d", i)
		from.Write(fmt.Sprintf("f%d", i), append(own, content[len(own):]...))
	}
	b.SetBytes(10_000 * size)
	for b.Loop() {
		exchange(b, from, sessiontest.NewReplica("home"), 10_000*size)
	}
}

func BenchmarkOneGiB(b *testing.B) {
	from := sessiontest.NewReplica("laptop")
	from.Write("film", data(1, 1<<30))
	b.SetBytes(1 << 30)
	for b.Loop() {
		exchange(b, from, sessiontest.NewReplica("home"), 1<<30)
	}
}

func BenchmarkNothingToDo(b *testing.B) {
	from, to := replicas(10_000, 1)
	p := connect(b, from, to)
	run(b, p.a)
	for b.Loop() {
		run(b, p.a)
	}
}
