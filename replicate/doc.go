// Package replicate keeps this replica in step with its peers: it says when a session is due, keeps
// connections, runs sessions on them (package session), tries peers again that are away, and tells how far
// each is. What is exchanged is in the packages below it: tree, disk, chunk, session.
//
// Every peer has one goroutine that waits until a session is due. A connection that a session needed
// stays open, whichever side dialed it, and carries the sessions that either side wants. When two
// replicas dial each other at the same moment there are two connections: each side goes on with the one
// that it dialed itself and serves the other, so neither waits for the other. Sessions on both are in
// order: a join is idempotent, and a content is fetched by one at a time.
package replicate
