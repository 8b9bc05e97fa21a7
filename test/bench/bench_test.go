package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"syncfs/test/station"
)

// rounds is how often each part of the main job is measured.
const rounds = 3

// source is a real tree: Go's own.
func source(b *testing.B) string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	must(b, err)
	return filepath.Join(strings.TrimSpace(string(out)), "src")
}

func program(b *testing.B) string {
	p, err := filepath.Abs(cmp.Or(os.Getenv("SYNCFS"), "../../bin/syncfs"))
	must(b, err)
	return p
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// run runs a program and returns how long it took.
func run(b *testing.B, name string, args ...string) time.Duration {
	b.Helper()
	return timed(b, func() error {
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%s: %w\n%s", name, err, out)
		}
		return err
	})
}

func timed(b *testing.B, fn func() error) time.Duration {
	b.Helper()
	began := time.Now()
	must(b, fn())
	return time.Since(began)
}

func median(l []time.Duration) time.Duration {
	slices.Sort(l)
	return l[len(l)/2]
}

// A pair is two mounted stations.
type pair struct{ a, b *station.Station }

func newPair(b *testing.B, dir string) (p pair) {
	ctx := b.Context()
	var err error
	p.a, err = station.New(program(b), dir, "a")
	must(b, err)
	p.b, err = station.New(program(b), dir, "b")
	must(b, err)
	must(b, errors.Join(p.a.Mount(ctx), p.b.Mount(ctx)))
	return p
}

// join makes the two peers: over the embedded transport, or by way of a server.
func (p pair) join(b *testing.B, by *station.Sshd) {
	ctx := b.Context()
	if by == nil {
		must(b, p.a.Join(ctx, p.b))
		return
	}
	must(b, errors.Join(p.a.Link(ctx, p.b, by.Address(p.b.Dir), "--command", p.a.Program), p.b.Link(ctx, p.a, "")))
}

func (p pair) end(b *testing.B) {
	ctx := context.WithoutCancel(b.Context())
	must(b, errors.Join(p.a.Umount(ctx), p.b.Umount(ctx)))
}

// BenchmarkFirstFlush brings a tree to an empty replica.
func BenchmarkFirstFlush(b *testing.B) {
	dir := b.TempDir()
	must(b, os.Mkdir(filepath.Join(dir, "sshd"), 0o700))
	sshd, err := station.StartSshd(b.Context(), filepath.Join(dir, "sshd"))
	must(b, err)
	defer sshd.Stop()
	b.Setenv("HOME", sshd.Home)
	for name, by := range map[string]*station.Sshd{"embedded": nil, "ssh": sshd} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				firstFlush(b, sshd, by)
			}
		})
	}
}

func firstFlush(b *testing.B, sshd, by *station.Sshd) {
	var rsync, flush, nothing []time.Duration
	home := filepath.Join(sshd.Home, ".ssh")
	shell := fmt.Sprintf("ssh -F %s/config -i %s/id_ed25519 -o UserKnownHostsFile=%s/known_hosts", home, home, home)
	for range rounds {
		dir := b.TempDir()
		p := newPair(b, dir)
		run(b, "cp", "-a", source(b), filepath.Join(p.a.Dir, "src"))
		must(b, p.a.Flush(b.Context())) // to nobody yet: all is in the journal
		p.join(b, by)
		rsync = append(rsync, run(b, "rsync", "-a", "-e", shell, source(b), sshd.Host+":"+dir))
		flush = append(flush, timed(b, func() error { return p.a.Flush(b.Context()) }))
		nothing = append(nothing, timed(b, func() error { return p.a.Flush(b.Context()) }))
		run(b, "diff", "-r", "--no-dereference", filepath.Join(p.b.Dir, "src"), source(b))
		p.end(b)
	}
	report(b, "flush", median(flush), "rsync", median(rsync))
	b.ReportMetric(float64(median(nothing).Microseconds())/1000, "ms-nothing-to-do")
}

// report prints how long two things took, and the ratio.
func report(b *testing.B, ours string, t time.Duration, theirs string, than time.Duration) {
	b.ReportMetric(t.Seconds(), "s-"+ours)
	b.ReportMetric(than.Seconds(), "s-"+theirs)
	b.ReportMetric(t.Seconds()/than.Seconds(), "x-"+theirs)
}
