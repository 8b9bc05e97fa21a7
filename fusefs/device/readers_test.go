package device

import (
	"testing"
	"time"
)

// newReaders are those of a device that has served a burst, where one reads and another is about to watch.
func newReaders(t *testing.T, processors int, pending bool) (*readers, chan time.Time) {
	t.Helper()
	r, tick := &readers{}, make(chan time.Time)
	r.init(processors, func() bool { return pending })
	r.glances = func() (<-chan time.Time, func()) { return tick, func() {} }
	if !r.took() {
		t.Fatal("nobody reads while the first request is handled")
	}
	if !r.stay() {
		t.Fatal("one alone waits where requests are few")
	}
	if r.waiting != idlers {
		t.Fatalf("%d wait", r.waiting)
	}
	for range burst {
		r.took()
		r.waiting++ // as if it read on
	}
	if !r.busy {
		t.Fatal("a burst was not noticed")
	}
	return r, tick
}

// watching has one watch, and returns what it comes to.
func watching(t *testing.T, r *readers) chan bool {
	t.Helper()
	r.took()
	got := make(chan bool, 1)
	go func() { got <- r.stay() }()
	return got
}

func result(t *testing.T, got chan bool) bool {
	t.Helper()
	select {
	case read := <-got:
		return read
	case <-time.After(10 * time.Second):
		t.Fatal("still watching")
		return false
	}
}

// Many requests are read by one, and another reads when that one is stuck.
func TestStuck(t *testing.T) {
	r, tick := newReaders(t, 2, false)
	got := watching(t, r)
	tick <- time.Time{}
	if r.took() {
		t.Fatal("a second reader where one is watched")
	}
	tick <- time.Time{} // a request was taken since
	tick <- time.Time{} // and none again: it is that one that takes so long
	if !result(t, got) {
		t.Fatal("nobody reads beside the one who is stuck")
	}
	if r.waiting != 1 || r.watched || r.busy {
		t.Fatalf("%d wait, watched %v, busy %v", r.waiting, r.watched, r.busy)
	}
}

// Where requests have become few two wait for them.
func TestFewAgain(t *testing.T) {
	r, tick := newReaders(t, 2, false)
	got := watching(t, r)
	for range 1 + calm {
		tick <- time.Time{}
	}
	if !result(t, got) || r.waiting != idlers {
		t.Fatalf("%d wait", r.waiting)
	}
}

// A second watcher is not needed.
func TestOneWatches(t *testing.T) {
	r, tick := newReaders(t, 2, false)
	got := watching(t, r)
	tick <- time.Time{}
	r.waiting++ // a third
	r.took()
	if r.stay() {
		t.Fatal("it reads")
	}
	r.end()
	tick <- time.Time{}
	if result(t, got) {
		t.Fatal("it reads after the end")
	}
}

// Where requests wait all the time, and there are processors, several read.
func TestCrowd(t *testing.T) {
	r, tick := newReaders(t, 8, true)
	got := watching(t, r)
	for i := range crowd {
		if i > 0 {
			r.took() // one goes on with the next
			r.waiting++
		}
		tick <- time.Time{}
	}
	if !result(t, got) {
		t.Fatal("one alone reads")
	}
	for range 2 * burst {
		r.took()
		r.waiting++
	}
	if r.busy {
		t.Fatal("one alone is to read again at once")
	}
}
