// Package sshpeer reaches a peer over SSH: who a replica is, who is a member, and connections that carry
// several streams side by side. It knows nothing of items or sessions: a Conn hands out streams of bytes.
//
// # Identity
//
// A replica has one ed25519 pair for good (.syncfs/key, .syncfs/key.pub). It is the host key when others
// dial and the client key when it dials, so one line tells both sides who it is. A member is a name, the
// keys it may show and where it can be reached. Both ends of every connection prove a key; whoever cannot
// show the key of a member gets no stream.
//
// # Two ways in, one handshake
//
//	host:port               TCP to the Server of the other daemon
//	ssh://user@host/path    OpenSSH login with the user's own keys, agent, ssh_config and known_hosts,
//	                        which runs `syncfs serve path`; its stdin and stdout are the connection
//
// On what comes out of either, the same SSH handshake runs between the replicas' own keys: in the second
// case it is nested in the login's. The login alone makes nobody a member.
//
// # Streams
//
// A stream is an SSH channel of type "syncfs-stream", so each has a window of its own (2 MiB). A read
// ends with io.EOF only when the peer has closed that stream while the connection lived. The SSH library
// shows a broken connection and a closed stream alike, so one round trip proves it; a protocol that knows
// its own end need not pay that. A connection that is gone ends every read and write with an *Error.
//
// # What is bounded
//
//   - connections not yet authenticated: 64 at once, 10 s each, the oldest dropped first; nobody is banned
//   - a dial: 30 s in all
//   - silence of a peer: 45 s, with a question asked every 15 s; then the connection is ended
//   - streams that the peer has opened and nobody has taken: 32, then further ones are refused
//   - the file of members, a line of keys, what a remote command says on stderr
//
// # What is not promised
//
// Close cuts what the peer has not yet read: the protocol on top agrees on its end first. Two processes
// that change the file of members in the same moment: the later one wins, whole.
package sshpeer
