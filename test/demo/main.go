// Command demo plays both examples of the paper on this machine: real mounts, real daemons, the embedded
// transport on the loopback. After each step it prints what each station holds. It cleans up after
// itself, also when it is interrupted.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"syncfs/test/station"
)

func main() {
	program := flag.String("syncfs", "bin/syncfs", "the `program` to show")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	if err := demo(ctx, *program); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context, program string) error {
	for _, play := range []func(context.Context, *stage) error{threeStations, fourStations} {
		s, err := newStage(program)
		if err != nil {
			return err
		}
		err = play(ctx, s)
		if endErr := s.end(); err == nil {
			err = endErr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// threeStations: what is made at work reaches home on the laptop, and comes back edited.
func threeStations(ctx context.Context, s *stage) error {
	s.title("One folder on three stations. C1 is the laptop, C2 is at home, C3 at work; C2 and C3 never meet.")
	laptop, home, work := s.station("C1"), s.station("C2"), s.station("C3")
	return s.run(ctx,
		step{"C1 has F1, F2, F3; C2 has F4; C3 has nothing", func() error {
			s.write(laptop, "F1", "one")
			s.write(laptop, "F2", "two")
			s.write(laptop, "F3", "three")
			s.write(home, "F4", "four")
			s.mount(ctx, laptop, home, work)
			s.link(ctx, laptop, home)
			s.link(ctx, laptop, work)
			return s.err
		}},
		step{"C1 and C2 sync", func() error { return s.flush(ctx, laptop, home) }},
		step{"C2 goes off; C1 and C3 sync", func() error {
			s.umount(ctx, home)
			return s.flush(ctx, laptop, work)
		}},
		step{"F5 is made on C3; C1 and C3 sync", func() error {
			s.write(work, "F5", "made at work")
			return s.flush(ctx, laptop, work)
		}},
		step{"C2 is on again; C1 and C2 sync; F5 is edited on C2", func() error {
			s.mount(ctx, home)
			s.flush(ctx, laptop, home) //nolint:errcheck // kept in s.err
			s.write(home, "F5", "edited at home")
			return s.err
		}},
		step{"C1 and C2 sync, then C1 and C3: all are equal", func() error {
			s.flush(ctx, laptop, home) //nolint:errcheck // kept in s.err
			s.flush(ctx, laptop, work) //nolint:errcheck // kept in s.err
			return s.equal()
		}},
	)
}

// fourStations: a round of pairs, and a second one.
func fourStations(ctx context.Context, s *stage) error {
	s.title("Four stations, each with a file of its own, that meet in pairs.")
	a, b, c, d := s.station("A"), s.station("B"), s.station("C"), s.station("D")
	meet := func(what string, x *station.Station, others ...*station.Station) step {
		return step{what, func() error {
			for _, y := range others {
				s.flush(ctx, x, y) //nolint:errcheck // kept in s.err
			}
			return s.err
		}}
	}
	return s.run(ctx,
		step{"A has 1, B has 2, C has 3, D has 4", func() error {
			for i, x := range []*station.Station{a, b, c, d} {
				s.write(x, fmt.Sprint(i+1), "of "+x.Name)
			}
			s.mount(ctx, a, b, c, d)
			for _, pair := range [][2]*station.Station{{a, b}, {a, c}, {a, d}, {b, c}, {b, d}} {
				s.link(ctx, pair[0], pair[1])
			}
			return s.err
		}},
		meet("A syncs with B", a, b),
		meet("A syncs with C", a, c),
		meet("A syncs with D", a, d),
		meet("B syncs with A, C and D", b, a, c, d),
		step{"all have all", s.equal},
	)
}
