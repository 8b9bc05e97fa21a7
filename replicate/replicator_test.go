package replicate_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"syncfs/replicate"
	"syncfs/replicate/chunk"
	"syncfs/replicate/session"
)

var every15s replicate.Schedule

func TestPeersAreKeptInStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		home := n.add("home", replicate.Off)
		laptop := n.add("laptop", every15s, "home")
		laptop.Write("todo", []byte("milk"))
		wait(16 * time.Second)
		wantFiles(t, home, map[string]string{"todo": "milk"})
		home.Write("todo", []byte("eggs"))
		wait(16 * time.Second)
		wantFiles(t, laptop, map[string]string{"todo": "eggs"})
		if n.dialed() != 1 {
			t.Errorf("dialed %d times", n.dialed())
		}
		if s := state(laptop, "home"); !s.Connected || s.LastError != "" || time.Since(s.LastSession) > 16*time.Second || !s.Knowledge.Equal(home.Knowledge()) {
			t.Errorf("%+v", s)
		}
	})
}

func TestAChangeSpreadsSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		work := n.add("work", every15s)
		home := n.add("home", every15s, "work")
		laptop := n.add("laptop", every15s, "home")
		wait(5 * time.Second)
		laptop.change("todo", "milk")
		wait(time.Second)
		wantFiles(t, home, map[string]string{"todo": "milk"})
		wantFiles(t, work, map[string]string{"todo": "milk"})
		work.change("todo", "eggs") // to who has dialed it
		wait(time.Second)
		wantFiles(t, laptop, map[string]string{"todo": "eggs"})
	})
}

func TestAPeerThatIsAwayIsTriedLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		home := n.add("home", every15s)
		laptop := n.add("laptop", every15s, "home")
		wait(time.Second)
		n.cut("home")
		laptop.change("todo", "milk")
		wait(time.Hour)
		if tries := n.dialed(); tries < 10 || tries > 30 {
			t.Errorf("dialed %d times in an hour", tries)
		}
		if s := state(laptop, "home"); s.Connected || s.LastError != "unreachable: no route to host" || s.NextTry.Before(time.Now()) {
			t.Errorf("%+v", s)
		}
		n.heal("home")
		wait(7 * time.Minute)
		wantFiles(t, home, map[string]string{"todo": "milk"})
	})
}

func TestOffBeginsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		home := n.add("home", replicate.Off)
		laptop := n.add("laptop", replicate.Off, "home")
		laptop.change("todo", "milk")
		wait(time.Hour)
		wantFiles(t, home, map[string]string{})
		wantOutcome(t, laptop.Flush(t.Context()), "home", replicate.OK)
		wantFiles(t, home, map[string]string{"todo": "milk"})
		home.Write("todo", []byte("eggs"))
		wantOutcome(t, home.Flush(t.Context(), "laptop"), "laptop", replicate.OK) // on the connection that laptop made
		wantFiles(t, laptop, map[string]string{"todo": "eggs"})
	})
}

func TestTwoThatDialEachOtherAtTheSameMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		home := n.add("home", replicate.Off, "laptop")
		laptop := n.add("laptop", replicate.Off, "home")
		for i := range 50 {
			home.Write("home", []byte{byte(i)})
			laptop.Write("laptop", []byte{byte(i)})
			there := make(chan []replicate.Outcome)
			go func() { there <- home.Flush(t.Context()) }()
			wantOutcome(t, laptop.Flush(t.Context()), "home", replicate.OK)
			wantOutcome(t, <-there, "laptop", replicate.OK)
			want := map[string]string{"home": string(rune(i)), "laptop": string(rune(i))}
			wantFiles(t, home, want)
			wantFiles(t, laptop, want)
		}
	})
}

func TestFlushTellsTheTruth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		home := n.add("home", replicate.Off)
		n.add("work", replicate.Off)
		laptop := n.add("laptop", replicate.Off, "home", "work")
		n.cut("work")
		laptop.Write("todo", []byte("milk"))
		got := laptop.Flush(t.Context())
		wantOutcome(t, got, "home", replicate.OK)
		wantOutcome(t, got, "work", replicate.Unreachable)

		film := []byte("a film")
		home.Write("film", film)
		home.Lose(film)
		n.heal("work")
		wantOutcome(t, laptop.Flush(t.Context(), "home"), "home", replicate.Unobtainable)
		wantOutcome(t, laptop.Flush(t.Context(), "work"), "work", replicate.Unobtainable)
		home.Write("film", film)
		wantOutcome(t, laptop.Flush(t.Context(), "home"), "home", replicate.OK)
		wantOutcome(t, laptop.Flush(t.Context(), "work"), "work", replicate.OK)

		wantOutcome(t, laptop.Flush(t.Context(), "nobody"), "nobody", replicate.Unreachable)
		n.cut("home")
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wantOutcome(t, laptop.Flush(soon, "home"), "home", replicate.Timeout)
	})
}

func TestWhatOnePeerLacksAnotherBrings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		home := n.add("home", replicate.Off)
		work := n.add("work", replicate.Off, "home")
		laptop := n.add("laptop", replicate.Off, "home", "work")
		film := []byte("a film")
		work.Write("film", film)
		home.Refuse(errors.New("no space left on device")) // home knows of the film and doesn't get it
		work.Flush(t.Context())
		home.Refuse(nil)
		got := laptop.Flush(t.Context())
		wantOutcome(t, got, "home", replicate.OK)
		wantOutcome(t, got, "work", replicate.OK)
		wantFiles(t, home, map[string]string{"film": "a film"})
	})
}

func TestAFileThatIsOpenedIsFetchedFromWhoHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		n.add("home", replicate.Off)
		work := n.add("work", replicate.Off)
		laptop := n.add("laptop", replicate.Off, "home", "work")
		film := []byte("a film")
		work.Write("film", film)
		want := session.Want{Root: chunk.Bytes(film).Root(), Size: int64(len(film))}
		wait(time.Second)
		if err := laptop.Fetch(t.Context(), want); err != nil {
			t.Error(err)
		}
		if err := laptop.Fetch(t.Context(), session.Want{Root: chunk.Hash{1}, Size: 5}); !errors.Is(err, chunk.ErrGone) {
			t.Error(err)
		}
	})
}

// What nobody has any more is told to be gone once what there is instead is known here; not while somebody who may have
// it is away.
func TestAFileThatIsOpenedAndGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		home := n.add("home", replicate.Off)
		laptop := n.add("laptop", replicate.Off, "home")
		home.Write("film", []byte("another film"))
		film := []byte("a film")
		want := session.Want{Root: chunk.Bytes(film).Root(), Size: int64(len(film))}
		wait(time.Second)
		if err := laptop.Fetch(t.Context(), want); !errors.Is(err, chunk.ErrGone) {
			t.Error(err)
		}
		wantFiles(t, laptop, map[string]string{"film": "another film"})
		n.mu.Lock()
		laptop.peers = append(laptop.peers, replicate.Peer{Name: "work"})
		n.mu.Unlock()
		wait(time.Minute)
		if err := laptop.Fetch(t.Context(), want); errors.Is(err, chunk.ErrGone) || !errors.Is(err, replicate.ErrUnreachable) {
			t.Error(err)
		}
	})
}

func TestPeersComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		home := n.add("home", replicate.Off)
		laptop := n.add("laptop", every15s)
		laptop.Write("todo", []byte("milk"))
		wait(time.Minute)
		n.mu.Lock()
		laptop.peers = []replicate.Peer{{Name: "home", Dialable: true}}
		n.mu.Unlock()
		wait(time.Minute)
		wantFiles(t, home, map[string]string{"todo": "milk"})
		n.mu.Lock()
		laptop.peers = nil
		n.mu.Unlock()
		n.cut("home")
		wait(time.Hour)
		if s := laptop.Status(); len(s.Peers) != 0 {
			t.Errorf("%+v", s)
		}
	})
}
