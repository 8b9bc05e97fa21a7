package churn

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syncfs/fusefs"
)

var (
	histories = flag.Int("histories", 3, "how many random histories to play")
	firstSeed = flag.Uint64("seed", 1, "the seed of the first")
	rounds    = flag.Int("rounds", 4, "how often the programs work and come to rest in one history")
)

const (
	threads  = 8
	each     = 60 // what a thread tries in a round
	patience = 60 * time.Second
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case fusefs.HelperArg:
			os.Exit(fusefs.HelperMain())
		case ProgramsArg:
			os.Exit(Programs())
		}
	}
	os.Exit(m.Run())
}

func TestTheJournalSaysWhatIsOnDisk(t *testing.T) {
	for i := range *histories {
		seed := *firstSeed + uint64(i)
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { play(t, seed) })
	}
}

func play(t *testing.T, seed uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(*rounds)*patience)
	defer cancel()
	dir := filepath.Join(t.TempDir(), "folder")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	r, err := Start(dir, "a", slog.New(slog.NewTextHandler(&log, nil)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.End(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("log:\n%s", &log)
		}
	}()
	for round := range *rounds {
		cmd, err := Command(ctx, dir, seed*1000+uint64(round), threads, each)
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("programs: %v\n%s", err, out)
		}
		if err := r.Rest(ctx); err != nil {
			t.Fatalf("round %d: not at rest: %v: %+v", round, err, r.Folder.Status())
		}
		l, err := r.Differences()
		if err != nil {
			t.Fatal(err)
		}
		if len(l) > 0 {
			t.Fatalf("round %d:\n%s\nthe programs did\n%s", round, strings.Join(l, "\n"), out)
		}
	}
}
