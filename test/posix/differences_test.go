package posix

// A difference is one between the mount and the directory underneath that has a reason. docs/guarantees.md
// tells of each.
type difference struct {
	name  string // of the case
	call  string // the line, its parameters filled in; "": any
	stage string // where it is seen; "": everywhere
	as    string // by whom
	why   string
}

var differences = []difference{
	{name: "stat/flags of the filesystem's own", why: "the daemon answers no ioctl"},
	{name: "root/what is syncfs' own can't be seen or made", why: "the name is syncfs' own"},
	{name: "fallocate/collapses and inserts", why: "the kernel passes no such mode on"},
	{name: "fallocate/through what is cached and mapped", why: "the kernel passes no such mode on"},
	{name: "fallocate/of a file opened for appending", why: "the kernel passes no such mode on"},
	{name: "io/flags of one call", call: `pread2 a 5 0 nowait => "hello"|EAGAIN|EOPNOTSUPP`, why: "the kernel refuses it to FUSE"},
	{name: "open/reading what is open for writing, and the other way round", call: "seek c 9223372036854775807 set => EINVAL|9223372036854775807",
		why: "the kernel knows not how large files can be underneath"},

	{name: "open/blocks are told as they are written", call: "stat f blocks => 128", stage: "ordinary",
		why: "the kernel does not tell what it has not written back"},
	{name: "truncate/beyond the limit of the filesystem", stage: "ordinary", why: "the kernel knows not how large files can be underneath"},
	{name: "sparse/seeks data and holes", stage: "ordinary", why: "the kernel does not tell what it has not written back"},
	{name: "sparse/room that was made is data or not, as underneath", stage: "ordinary", why: "the kernel does not tell what it has not written back"},
	{name: "fallocate/punches holes", call: "segments a => data 0-4096 8192-16384", stage: "ordinary",
		why: "the kernel does not tell what it has not written back"},
	{name: "open/direct", call: "pwrite a x 1 => EINVAL|1", stage: "ordinary", why: "the daemon's own writes are not direct"},
	{name: "io/and in direct I/O", stage: "ordinary", why: "the daemon's own writes are not direct"},
	{name: "open/a file that is written is not run", call: `exec ./f => 0|""`, stage: "ordinary",
		why: "the daemon has no more rights than the user, who may not read it"},
	{name: "maps/shared", stage: "ordinary", why: "the kernel does not clear what is beyond the end of a file"},
	{name: "truncate/times", stage: "ordinary", why: "the kernel keeps the times, and knows of no change"},
	{name: "utimensat/which times reading and writing change", call: "new f => a", stage: "ordinary", why: "what is cached is read without the daemon"},
	{name: "utimensat/a second reading of one file", stage: "ordinary", why: "what is cached is read without the daemon"},
	{name: "utimensat/reading through a mapping is access", stage: "ordinary", why: "what is cached is read without the daemon"},
	{name: "utimensat/running a program is access", stage: "ordinary", why: "what is cached is read without the daemon"},
}
