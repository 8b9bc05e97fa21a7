// Package session exchanges what two replicas have with one another, over a connection that somebody else
// makes (Conn) and for a replica that somebody else keeps (Local). docs/protocol.md draws what goes over
// the wire.
//
// A Line is a connection with one peer while it is open. Its control stream carries one session after
// another; the side that dialed begins each, and the other may ask it to. A session is symmetric: both
// sides end up with all of both.
//
//	hello      once: protocol, features, name, clock
//	opening    digest of the knowledge, what is wanted: if both are equal and want nothing, that is all
//	knowledge  each side's version vector
//	states     those that the other has not seen, joined whole or not at all
//	content    each side asks for what it wants and the other has: for the first of many states while the
//	           rest is joined
//	end        what each side still wants, and has not in place
//
// Content is asked for on streams that the side that wants it opens, and answered on them in order. So content
// can be fetched with no session at all, for a program that waits (Line.Fetch).
//
// # What keeps it from standing still
//
// On each stream there is one who writes and one who reads, and the one never waits for the other. What
// is asked for at once is bounded, so an answer always has its place and reading goes on whatever is
// being written. The states that come in wait for the journal, and then so does the peer's writing of
// them; its reading doesn't.
//
// A peer that is silent while something is expected of it ends the connection after Options.Idle: in a
// session it would at least send pings. Time in which this side doesn't read doesn't count.
//
// # What the peer is trusted with
//
// Nothing. Lengths and counts are bounded before memory is taken, content is checked against the hash it
// was asked by, states are checked where they are joined. What is wrong ends the connection with an *Error that
// names the peer and the cause, and the peer is told; nothing that the session had not finished has any effect.
//
// # What it does not promise
//
// That the peer's word in Result.Theirs is true. That a content is cut where package chunk would cut it:
// a peer may send another tree over the same bytes, and they then count as another content.
package session
