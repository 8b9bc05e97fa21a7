// Package bare mounts a folder without a journal, in a process of its own and as any user: what the mount alone
// costs can so be told from what the journal adds, and the requests that the kernel sends can be counted. The
// package's own test pins the counts of common operations: unlike times they do not depend on the machine's load.
package bare
