package sshpeer

import "time"

// defaultSilence is how long a peer may say nothing before its connection is ended.
const defaultSilence = 45 * time.Second

// recheckEvery is how soon an edit of the members' file reaches a connection that is open.
const recheckEvery = 2 * time.Second

// ping is the question that any SSH implementation answers, if only with "no".
const ping = "keepalive@syncfs"

// watch asks a peer that has been silent for a third of the limit, and ends the connection at the limit.
// A slow line full of data is no silence: every byte received counts.
func (c *Conn) watch(ms *Members, limit time.Duration) {
	if limit == 0 {
		limit = defaultSilence
	}
	c.spawn(func() {
		tick := time.NewTicker(min(limit/6, recheckEvery))
		defer tick.Stop()
		answered := make(chan struct{}, 1)
		answered <- struct{}{}
		for {
			select {
			case <-c.done:
				return
			case <-tick.C:
			}
			ms.recheck()
			quiet := c.wire.silence()
			if quiet >= limit {
				c.end(faultf(ErrUnreachable, "silent for %v: it vanished from the network", quiet.Round(time.Millisecond)))
				return
			}
			if quiet < limit/3 {
				continue
			}
			select {
			case <-answered: // no question is under way
				c.spawn(func() {
					c.alive()
					answered <- struct{}{}
				})
			default:
			}
		}
	})
}

// alive asks the peer and waits for the answer, which a broken connection cannot give.
func (c *Conn) alive() bool {
	if c.wire.broken.Load() {
		return false
	}
	_, _, err := c.ssh.SendRequest(ping, true, nil)
	return err == nil
}
