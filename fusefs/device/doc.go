// Package device is a mount's end of the connection to the kernel: it mounts, reads the requests, has go-fuse take them
// apart and the filesystem answer them, and tells the kernel what it must look at anew.
//
// go-fuse's own server keeps two threads or more waiting for requests, and the kernel gives each request to the one that
// has waited longest. A program that asks one thing after the other so wakes another thread for each, on whatever
// processor, although the one that has just answered is about to ask for more. That is a third of the time of a request.
// So this server has one thread read while requests are many (readers.go).
//
// What is handled may take long: it waits for content, or for a disk. Requests are handled by the thread that has read
// them, so somebody else must read meanwhile: where requests are few another thread waits beside it, where they are many
// one looks every millisecond whether the reader is stuck, and reads if it is.
package device
