// Package fusefs mounts a FUSE filesystem over a folder, in place, and reports what programs do in it.
//
// # Requests
//
// The package answers the kernel's raw requests with an inode table of its own, not through go-fuse's
// tree of nodes: a node costs about a hundred bytes, so that a million of them fit; each open is answered
// with the flags that suit it; and the flags of the kernel's requests (who writes, whether setuid must
// fall) are at hand. One file holds one family of operations. Errors are those of the filesystem
// underneath; errno.go has the rest. The connection itself, and who reads from it, is package device's.
//
// Every access goes by descriptors from the handle that was opened before the folder was mounted over. A
// node is found by the names through which the kernel knows it, so it needs no descriptor of its own; one
// that loses its last name while the kernel knows it keeps one until it is forgotten. Inode numbers are
// those underneath. Locks of all kinds are the kernel's.
//
// # Two modes
//
// As root, reads and most writes pass through to the file underneath (passthrough.go): the kernel does
// not ask, and what was written is found out afterwards. All users are let in; the kernel checks
// permissions. As an ordinary user the kernel writes back what it keeps (CAP_WRITEBACK_CACHE). It then
// owns size and mtime of what it knows, so a file is never changed behind it but by a rename over it. It writes
// all back before close(2) returns, and is then asked for FLUSH, which costs a request and is answered for one reason
// alone: without it, close(2) goes well on a connection that broke before what was to be written back could be sent.
//
// # Order
//
// What is reported has a place in one order, and its paths are those at that place. To that end
// volume.names is held over the system call and its report: shared by what makes or removes a name,
// exclusive by what moves one. Locks are taken in the order Mounted.steps, volume.names, file.mu,
// table.mu or files.mu. No handler touches the mount, and no kernel notification is sent with a lock held:
// both would wait for handlers.
//
// What is written is reported twice: Dirty at the first write, Settled when the last writer has closed or
// the file was still for two seconds. A timer runs only in between.
//
// # Steps
//
// The replicator changes the folder by steps (disk.go). Where the kernel knows the directory, a helper
// process makes the system call on the mount, so that caches are right and watchers are told; the handler
// knows the helper by its thread, compares the signature with the file's lock held, and reports nothing.
// The helper is this program again (HelperMain). It has no descriptor of the FUSE device: were the mount's
// own process to wait for itself when it is killed, the mount would hang for good. Where the kernel does
// not know the directory, the folder is changed directly: nobody can be watching.
//
// What a step takes from its place goes to trash. If a program has it open for writing (away.go), it is kept apart
// until the program has closed it, and comes back to the folder, as a new file, as soon as it is seen to be written.
//
// # What is not promised
//
// A change made in the folder underneath, behind the mount's back, is seen after cacheFor or by chance.
// A store through a shared mapping of a passed-through file is noticed at the latest when the last writer
// has closed it. Mount sets the process's umask to 0 and its GOMAXPROCS to 8 at least.
package fusefs
