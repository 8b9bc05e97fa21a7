package replicate

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Of many changes not each wakes somebody: the program that makes them would wait for that.
func TestChangesAreLookedForNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{Peers: func() ([]Peer, error) { return nil, nil }, Schedule: Off})
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		r.Changed()
		synctest.Wait()
		for range 10 {
			r.Changed()
			synctest.Wait()
			if len(r.changed) != 1 {
				t.Error("one change of a run has woken somebody")
			}
			<-time.After(glance)
			synctest.Wait()
			if len(r.changed) != 0 {
				t.Error("nobody has looked")
			}
		}
		end()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
