package bench

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"syncfs/test/bare"
)

// turns is how often each side has its turn.
const turns = 5

// each runs fn for each workload, as root and as an ordinary user: each mounts in the mode that is for it.
func each(b *testing.B, fn func(*bench, workload)) {
	users := map[string]bool{"user": true}
	if os.Getuid() == 0 {
		users["root"] = false
	}
	for user, ordinary := range users {
		b.Run(user, func(b *testing.B) {
			x := newBench(b, ordinary)
			for _, w := range workloads {
				b.Run(w.name, func(b *testing.B) {
					for b.Loop() {
						fn(x.of(b), w)
					}
				})
			}
		})
	}
}

// BenchmarkMount has each workload done in a plain directory, in a mount, and in a mount without a journal, in turns.
func BenchmarkMount(b *testing.B) { each(b, inTurns) }

func inTurns(x *bench, w workload) {
	took := map[string][]time.Duration{}
	for turn := range turns {
		for name, start := range sides {
			dir := x.own(fmt.Sprintf("%s-%d", name, turn), 0o755)
			s := start(x, dir)
			end := sync.OnceFunc(s.end)
			x.Cleanup(end)
			if w.prepare != nil {
				x.do(w, "prepare", dir)
			}
			s.settled()
			took[name] = append(took[name], x.do(w, "run", dir))
			end()
			must(x.B, os.RemoveAll(dir))
		}
	}
	native, mount, bare := median(took["native"]), median(took["mount"]), median(took["bare"])
	report(x.B, "mount", mount, "native", native)
	x.ReportMetric(100*(mount.Seconds()/bare.Seconds()-1), "%-journal")
}

// BenchmarkRequests counts what the kernel asks in each workload.
func BenchmarkRequests(b *testing.B) { each(b, requests) }

func requests(x *bench, w workload) {
	dir := x.own("counted", 0o755)
	m, err := bare.Start(x.self, dir, x.as, true)
	must(x.B, err)
	stop := sync.OnceFunc(func() { must(x.B, m.Stop()) })
	x.Cleanup(stop)
	if w.prepare != nil {
		x.do(w, "prepare", dir)
		x.output("sync", "-f", dir)
	}
	before, err := m.Requests()
	must(x.B, err)
	x.do(w, "run", dir)
	after, err := m.Requests()
	must(x.B, err)
	stop()
	must(x.B, os.RemoveAll(dir))
	all := 0
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(after)) {
		if n := after[kind] - before[kind]; n > 0 {
			all += n
			kinds = append(kinds, fmt.Sprint(kind, " ", n))
		}
	}
	x.ReportMetric(float64(all), "requests")
	x.Log(filepath.Base(x.Name()) + ": " + strings.Join(kinds, ", "))
}
