package daemon

import (
	"context"
	"errors"
)

// A part runs in a goroutine of its own until it is stopped.
type part struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error // once done is closed
}

// start runs fn. If it ends with an error before it is stopped, failed is told.
func start(fn func(context.Context) error, failed func(error)) *part {
	ctx, cancel := context.WithCancel(context.Background())
	p := &part{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.err = fn(ctx)
		if errors.Is(p.err, context.Canceled) {
			p.err = nil
		}
		if p.err != nil && ctx.Err() == nil {
			failed(p.err)
		}
	}()
	return p
}

// stop ends the part and returns what it ended with. It may be called again.
func (p *part) stop() error {
	p.cancel()
	<-p.done
	return p.err
}
