package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"syncfs/test/bare"
)

// BenchmarkMemory has a million files listed and stat'ed, and tells what the process that mounts holds before and after
// the kernel drops its caches: the mount alone, and with a journal in which all of them are. Only root can tell the
// kernel to.
func BenchmarkMemory(b *testing.B) {
	if os.Getuid() != 0 {
		b.Fatal("only root can drop the kernel's caches")
	}
	x := newBench(b, false)
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			dir := x.of(b).million("bare")
			m, err := bare.Start(x.self, dir, nil, false)
			must(b, err)
			x.of(b).listed(dir, m.Pid())
			must(b, m.Stop())
		}
	})
	b.Run("mount", func(b *testing.B) {
		for b.Loop() {
			dir := x.of(b).million("mount")
			s := sides["mount"](x.of(b), dir)
			s.settled()
			var status struct{ Pid int }
			must(b, json.Unmarshal([]byte(x.output(filepath.Join(x.dir, "syncfs"), "status", dir, "--json")), &status))
			x.of(b).listed(dir, status.Pid)
			s.end()
		}
	})
}

// million makes a folder with a million empty files.
func (x *bench) million(name string) string {
	dir := x.own(name, 0o755)
	for i := range 1000 {
		sub := filepath.Join(dir, fmt.Sprint(i))
		must(x.B, os.Mkdir(sub, 0o755))
		for j := range 1000 {
			must(x.B, os.WriteFile(filepath.Join(sub, fmt.Sprint(j)), nil, 0o644))
		}
	}
	return dir
}

// listed lists all there is, and reports what a process holds then and once the kernel has forgotten all of it.
func (x *bench) listed(dir string, pid int) {
	x.Helper()
	run(x.B, "find", dir, "-size", "+1G")
	x.ReportMetric(resident(x.B, pid), "MB-listed")
	must(x.B, os.WriteFile("/proc/sys/vm/drop_caches", []byte("2"), 0))
	x.ReportMetric(x.least(pid), "MB-dropped")
}

// least is what a process holds when that has not become less for some seconds.
func (x *bench) least(pid int) float64 {
	each := time.NewTicker(time.Second)
	defer each.Stop()
	least := resident(x.B, pid)
	for still := 0; still < 10; still++ {
		<-each.C
		if now := resident(x.B, pid); now < least {
			least, still = now, 0
		}
	}
	return least
}

// resident is what a process holds, in MB.
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(b, err)
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	must(b, err)
	return float64(kb) / 1024
}
