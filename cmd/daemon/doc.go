// Package daemon wires the parts of a replica together and answers requests for it.
//
// A replica runs in one of three ways, and the same handlers answer in each:
//
//	Run          mounted: `syncfs mount`; peers are dialed and served, the control socket answers
//	ServeFolder  not mounted: one peer on standard input and output, others over the control socket
//	Local        not mounted: one request of a command, in the command's own process
//
// The journal's lock keeps it at one process a folder. All that is in .syncfs is reached through a
// handle on the folder that was opened before the mount covers it, as /proc/self/fd/N: a path would
// lead into the mount, where .syncfs does not exist.
//
// Order of the end: no new sessions; the mount is brought to disk and taken away; what it recorded is
// journaled; the journal is fsynced and closed. A daemon that is killed loses nothing that was fsynced:
// the next scan takes in what the journal has not seen.
package daemon

// Version is set by the linker.
var Version = "devel"
