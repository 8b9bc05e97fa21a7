package session_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"syncfs/journal/item"
	"syncfs/journal/version"
	"syncfs/replicate/chunk"
	"syncfs/replicate/session"
	"syncfs/replicate/session/sessiontest"
)

func TestContentsOfAllSizesArrive(t *testing.T) {
	a, b := replicas(0, 0)
	for i, size := range []int{0, 1, chunk.Min, session.Small, session.Small + 1, 1 << 20, 5 << 20} {
		a.Write("a"+string(rune('0'+i)), data(byte(i), size))
		b.Write("b"+string(rune('0'+i)), data(byte(100+i), size))
	}
	b.Write("zeros", make([]byte, 10<<20))
	p := connect(t, a, b)
	r := run(t, p.a)
	wantEqual(t, a, b)
	if r.Contents != 7 { // the empty one was here
		t.Errorf("%d contents", r.Contents)
	}
	if r.Received > 6<<20+session.Small*2+1<<20+200_000 {
		t.Errorf("%d bytes received: zeros were sent again and again", r.Received)
	}
}

func TestANewVersionCostsItsDifference(t *testing.T) {
	a, b := replicas(0, 0)
	content := data(1, 24<<20)
	a.Write("disk.img", content)
	p := connect(t, a, b)
	run(t, p.a)
	content = slices.Insert(slices.Clone(content), 10<<20, []byte("a few bytes more")...)
	a.Write("disk.img", content)
	r := run(t, p.a)
	wantEqual(t, a, b)
	if r.Sent > 600<<10 || r.Received > 4<<10 {
		t.Errorf("%d bytes sent, %d received", r.Sent, r.Received)
	}
}

func TestWhatIsInTheFolderIsNotSent(t *testing.T) {
	a, b := replicas(0, 0)
	big, small := data(1, 8<<20), data(2, 50_000)
	b.Write("old", big)
	b.Write("old small", small)
	a.Write("new", append(slices.Clone(big), "and more"...))
	a.Write("copy", big)
	a.Write("new small", small)
	p := connect(t, a, b)
	r := run(t, p.a)
	wantEqual(t, a, b)
	if r.Sent > 300<<10 || r.Received > 300<<10 {
		t.Errorf("%d bytes sent, %d received", r.Sent, r.Received)
	}
}

func TestWhatThePeerLacksIsTold(t *testing.T) {
	a, b := replicas(0, 0)
	small, large := data(1, 1_000), data(2, 3<<20)
	a.Write("small", small)
	a.Write("large", large)
	a.Write("other", []byte("here"))
	a.Lose(small)
	a.Lose(large)
	p := connect(t, a, b)
	run(t, p.a)
	r := run(t, p.b)
	if r.Lacking != 2 || r.Ours.Wanted != 2 || b.Files()["other"] != "here" {
		t.Errorf("%+v", r)
	}
	if r := run(t, p.a); r.Theirs.Wanted != 2 {
		t.Errorf("%+v", r)
	}
	a.Write("small", small)
	a.Write("large", large)
	run(t, p.a)
	wantEqual(t, a, b)
}

// A moved content is gone when it is first asked for, while states come, and is there again once they all have.
type moved struct {
	*sessiontest.Replica
	asked atomic.Int64
}

func (m *moved) ReadContent(ctx context.Context, h item.Hash) ([]byte, error) {
	if m.asked.Add(1) == 1 {
		return nil, chunk.ErrGone
	}
	return m.Replica.ReadContent(ctx, h)
}

// An early replica asks for contents while it joins.
type early struct{ *sessiontest.Replica }

func (e early) Join(ctx context.Context, states iter.Seq2[*item.Item, error], known version.Vector, part func()) error {
	err := e.Replica.Join(ctx, states, known, part)
	part()
	return err
}

func TestWhatWasGoneWhileStatesCameIsAskedForAgain(t *testing.T) {
	a, b := replicas(0, 0)
	a.Write("small", data(1, 1_000))
	far := &moved{Replica: a}
	p := sessiontest.NewPipe("laptop", "home", 4)
	serve(t, p.A, far, session.Options{Name: "laptop", Dialed: true})
	home := serve(t, p.B, early{b}, session.Options{Name: "home"})
	if r := run(t, home); r.Lacking != 0 || r.Contents != 1 {
		t.Errorf("%+v", r)
	}
	wantEqual(t, a, b)
	if n := far.asked.Load(); n != 2 {
		t.Errorf("asked for %d times", n)
	}
}

func TestWhatTheDiskRefusesFailsNoSession(t *testing.T) {
	a, b := replicas(3, 100)
	full := errors.New("no space left on device")
	b.Refuse(full)
	p := connect(t, a, b)
	r := run(t, p.b)
	if r.Refused != 3 || !errors.Is(r.Err, full) || r.Ours.Wanted != 3 || r.Theirs.Wanted != 0 {
		t.Errorf("%+v", r)
	}
	b.Refuse(nil)
	run(t, p.b)
	wantEqual(t, a, b)
}

// A failing replica does something when a chunk is asked for the n-th time.
type failing struct {
	*sessiontest.Replica
	left atomic.Int64
	do   func()
}

func (f *failing) ReadChunk(ctx context.Context, h item.Hash) ([]byte, error) {
	if f.left.Add(-1) == 0 {
		f.do()
	}
	return f.Replica.ReadChunk(ctx, h)
}

func TestATransferThatWasCutOffGoesOnWhereItWas(t *testing.T) {
	a, b := replicas(0, 0)
	a.Write("disk.img", data(1, 24<<20))
	p := sessiontest.NewPipe("laptop", "home", 4)
	f := &failing{Replica: a, do: func() { p.A.Close() }}
	f.left.Store(240)
	laptop := serve(t, p.A, f, session.Options{Name: "laptop", Dialed: true})
	home := serve(t, p.B, b, session.Options{Name: "home"})
	if _, err := laptop.Run(t.Context()); err == nil {
		t.Fatal("not cut off")
	}
	<-home.over

	again := connect(t, a, b)
	r := run(t, again.b)
	wantEqual(t, a, b)
	if r.Reused < 6<<20 || r.Fetched > 18<<20 {
		t.Errorf("%d bytes were there, %d came again", r.Reused, r.Fetched)
	}
}

func TestAChunkThatChangedUnderItIsGone(t *testing.T) {
	a, b := replicas(0, 0)
	before, after := data(1, 16<<20), data(2, 16<<20)
	a.Write("disk.img", before)
	f := &failing{Replica: a, do: func() { a.Lose(before) }}
	f.left.Store(100)
	p := sessiontest.NewPipe("laptop", "home", 4)
	serve(t, p.A, f, session.Options{Name: "laptop", Dialed: true})
	home := serve(t, p.B, b, session.Options{Name: "home"})
	if r := run(t, home); r.Lacking != 1 {
		t.Errorf("%+v", r)
	}
	a.Write("disk.img", after)
	run(t, home)
	wantEqual(t, a, b)
}

func TestOneContentIsFetchedFromOnePeer(t *testing.T) {
	content := data(1, 8<<20)
	a, b := replicas(0, 0)
	c := sessiontest.NewReplica("work")
	a.Write("film", content)
	run(t, connect(t, a, b).a)
	shared := new(session.Transfers)
	var lines []*side
	for _, peer := range []*sessiontest.Replica{a, b} {
		p := sessiontest.NewPipe("work", peer.Name, 0)
		serve(t, p.B, peer, session.Options{Name: peer.Name})
		lines = append(lines, serve(t, p.A, c, session.Options{Name: "work", Dialed: true, Transfers: shared}))
	}
	fetched := make(chan int64)
	for _, l := range lines {
		go func() {
			r, err := l.Run(t.Context())
			if err != nil || r.Ours.Wanted != 0 {
				t.Error(err, r.Ours)
			}
			fetched <- r.Fetched
		}()
	}
	if sum := <-fetched + <-fetched; sum != int64(len(content)) {
		t.Errorf("%d bytes fetched", sum)
	}
	wantEqual(t, a, c)
	if under := shared.List(); len(under) > 0 {
		t.Errorf("still under way: %v", under)
	}
}

func TestAProgramThatWaitsIsServedAtOnce(t *testing.T) {
	a, b := replicas(0, 0)
	wanted := data(1, 5<<20)
	a.Write("wanted", wanted)
	want := session.Want{Root: chunk.Bytes(wanted).Root(), Size: int64(len(wanted))}
	p := connect(t, a, b)
	if err := p.b.Fetch(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if got, _ := b.ReadChunk(t.Context(), chunk.Bytes(wanted)[3].Hash); got == nil {
		t.Error("it is not here")
	}
	err := p.a.Fetch(t.Context(), session.Want{Root: item.Hash{1}, Size: 10})
	if !errors.Is(err, chunk.ErrGone) || !strings.Contains(err.Error(), "home") {
		t.Error(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.a.Fetch(gone, session.Want{Root: item.Hash{1}, Size: 1 << 30}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	run(t, p.a) // the line goes on
	wantEqual(t, a, b)
}

// TestContentsComeWhileStatesAreJoined: a join that is not over yet has what its first part wants fetched.
func TestContentsComeWhileStatesAreJoined(t *testing.T) {
	a, b := replicas(0, 0)
	const files = 3
	for i := range byte(files) {
		a.Write("small"+string('0'+rune(i)), data(i, 1000))
	}
	j := joining{b, make(chan struct{}, files)}
	p := sessiontest.NewPipe(a.Name, b.Name, 0)
	dialed := serve(t, p.A, a, session.Options{Name: a.Name, Dialed: true})
	serve(t, p.B, j, session.Options{Name: b.Name})
	if r := run(t, dialed); r.Theirs.Wanted > 0 {
		t.Errorf("%+v", r)
	}
	wantEqual(t, a, b)
}

// joining is a replica whose join ends when the contents are there that it wants.
type joining struct {
	*sessiontest.Replica
	came chan struct{}
}

func (j joining) Join(ctx context.Context, states iter.Seq2[*item.Item, error], knowledge version.Vector, part func()) error {
	if err := j.Replica.Join(ctx, states, knowledge, part); err != nil {
		return err
	}
	part()
	late := time.NewTimer(eventually)
	defer late.Stop()
	for range cap(j.came) {
		select {
		case <-j.came:
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			return errors.New("no content comes while states are joined")
		}
	}
	return nil
}

func (j joining) Stage(ctx context.Context, w session.Want) (session.Stage, error) {
	s, err := j.Replica.Stage(ctx, w)
	return coming{s, j.came}, err
}

type coming struct {
	session.Stage
	came chan<- struct{}
}

func (c coming) Commit(ctx context.Context, l chunk.List) error {
	err := c.Stage.Commit(ctx, l)
	c.came <- struct{}{}
	return err
}
