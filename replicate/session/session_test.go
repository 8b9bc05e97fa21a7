package session_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"syncfs/replicate/session"
	"syncfs/replicate/session/sessiontest"
)

func TestBothEndWithAllOfBoth(t *testing.T) {
	a, b := replicas(300, 3_000)
	p := connect(t, a, b)
	r := run(t, p.a)
	wantEqual(t, a, b)
	if len(a.Files()) != 600 {
		t.Errorf("%d files", len(a.Files()))
	}
	if r.StatesSent != 300 || r.StatesReceived != 300 || r.Contents != 300 || r.Lacking != 0 {
		t.Errorf("%+v", r)
	}
	if r.Ours != (session.Rest{}) || r.Theirs != (session.Rest{}) || !r.Knowledge.Equal(b.Knowledge()) {
		t.Errorf("not all is said to be in place: %+v", r)
	}
}

func TestTheDialedSideAsksForASessionToo(t *testing.T) {
	a, b := replicas(3, 100)
	p := connect(t, a, b)
	run(t, p.b)
	wantEqual(t, a, b)
	b.Write("more", []byte("news"))
	run(t, p.b)
	wantEqual(t, a, b)
	a.Write("more", []byte("newer"))
	run(t, p.a)
	wantEqual(t, a, b)
}

func TestManyWhoAskGetASessionThatBeganAfter(t *testing.T) {
	a, b := replicas(3, 100)
	p := connect(t, a, b)
	results := make(chan error)
	for i := range 20 {
		s := p.a
		if i%2 == 0 {
			s = p.b
		}
		go func() {
			_, err := s.Run(t.Context())
			results <- err
		}()
	}
	for range 20 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	wantEqual(t, a, b)
}

func TestNothingToDoCostsTwoMessages(t *testing.T) {
	a, b := replicas(1_000, 10)
	p := connect(t, a, b)
	run(t, p.a)
	r := run(t, p.a)
	if r.Sent > 100 || r.Received > 100 {
		t.Errorf("%d bytes sent, %d received", r.Sent, r.Received)
	}
}

func TestOneChangeAmongManyCostsLittle(t *testing.T) {
	a, b := replicas(5_000, 10)
	p := connect(t, a, b)
	run(t, p.a)
	a.Rename("laptop7", "renamed")
	r := run(t, p.a)
	wantEqual(t, a, b)
	if r.Sent+r.Received > 1_000 {
		t.Errorf("%d bytes sent, %d received", r.Sent, r.Received)
	}
}

func TestTheClockOfThePeerIsTold(t *testing.T) {
	a, b := replicas(1, 10)
	p := sessiontest.NewPipe("laptop", "home", 0)
	early := func() time.Time { return time.Now().Add(-2 * time.Hour) }
	home := serve(t, p.B, b, session.Options{Name: "home", Now: early})
	laptop := serve(t, p.A, a, session.Options{Name: "laptop", Dialed: true})
	if r := run(t, laptop); r.Skew > -119*time.Minute || r.Skew < -121*time.Minute {
		t.Errorf("skew %s", r.Skew)
	}
	if r := run(t, home); r.Skew < 119*time.Minute {
		t.Errorf("skew %s", r.Skew)
	}
}

func TestAPeerThatVanishesEndsTheSessionInBoundedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := replicas(3, 100)
		p := connect(t, a, b)
		run(t, p.a)
		a.Write("more", []byte("news"))
		p.Vanish()
		began := time.Now()
		_, err := p.a.Run(t.Context())
		wantError(t, err, session.ErrSilent)
		if d := time.Since(began); d > 31*time.Second {
			t.Errorf("after %s", d)
		}
	})
}

func TestAPeerThatConnectsAndSaysNothingIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sessiontest.NewPipe("laptop", "home", 0)
		home := serve(t, p.B, sessiontest.NewReplica("home"), session.Options{Name: "home"})
		wantError(t, <-home.over, session.ErrSilent)
		p = sessiontest.NewPipe("laptop", "home", 0)
		home = serve(t, p.B, sessiontest.NewReplica("home"), session.Options{Name: "home"})
		if _, err := p.A.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantError(t, <-home.over, session.ErrSilent)
	})
}

func TestAPeerThatIsSlowIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := replicas(3, 100)
		p := sessiontest.NewPipe("laptop", "home", 0)
		laptop := serve(t, p.A, a, session.Options{Name: "laptop", Dialed: true})
		serve(t, p.B, settling{b, 10 * time.Minute}, session.Options{Name: "home"})
		began := time.Now()
		run(t, laptop)
		wantEqual(t, a, b)
		if d := time.Since(began); d < 10*time.Minute {
			t.Errorf("not waited for: %s", d)
		}
	})
}

func TestTheEndOfTheContextEndsItAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := replicas(3, 100)
		p := sessiontest.NewPipe("laptop", "home", 0)
		home := serve(t, p.B, settling{b, time.Hour}, session.Options{Name: "home"})
		laptop := session.New(p.A, a, session.Options{Name: "laptop", Dialed: true})
		ctx, cancel := context.WithCancel(t.Context())
		served, asked := make(chan error, 1), make(chan error, 1)
		go func() { served <- laptop.Serve(ctx) }()
		go func() { _, err := laptop.Run(t.Context()); asked <- err }()
		synctest.Wait()
		began := time.Now()
		cancel()
		wantError(t, <-served, context.Canceled)
		wantError(t, <-asked, context.Canceled)
		wantError(t, <-home.over, session.ErrClosed)
		if d := time.Since(began); d > 0 {
			t.Errorf("after %s", d)
		}
	})
}

func TestWhatThisReplicaCannotDoIsToldToBoth(t *testing.T) {
	a, b := replicas(3, 100)
	p := sessiontest.NewPipe("laptop", "home", 0)
	broken := errors.New("journal: no space left on device")
	laptop := serve(t, p.A, a, session.Options{Name: "laptop", Dialed: true})
	home := serve(t, p.B, unready{b, broken}, session.Options{Name: "home"})
	_, err := laptop.Run(t.Context())
	wantError(t, err, session.ErrRefused)
	if want := "session with home: the peer refused to go on: begin: journal: no space left on device"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	wantError(t, <-home.over, broken)
}
