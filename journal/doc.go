// Package journal is the durable record of one replica, kept in Badger: the states of its items, what
// it knows, what the tree on disk looks like, what content is wanted, staged and where, and what
// was last heard of each peer. It knows no FUSE, no network, and not who wins a conflict: it keeps
// what it is given, and finds it again.
//
// A Journal changes in Updates, one at a time, each whole or not at all; a View reads one moment.
// Methods of Tx are typed; no key leaves the package.
//
// # States and their indexes
//
// Of an item there is the state known and, while content of it is on its way, the older one that is
// shown (package item). What an item is found by is a function of these two states alone
// (states.index), and is put and deleted with them:
//
//	the log        (incarnation, seq) for each incarnation in the context of the state known
//	its family     (parent, family of the name) of the state shown
//	its parent     of the state known, where the state shown has another
//	unstamped      either state has a provisional dot in its context
//
// # Keys
//
// The first byte is the kind. id: 16 bytes, hash: 32, slot, seq, incarnation, device, inode, offset:
// 8 each, big-endian, so that they are in order. "at" is slot, name: an entry on disk. Values are in
// the words of package canon; a vector is that of package version.
//
//	i id                        the state known (package item)
//	o id                        the older state shown
//	l incarnation seq id        log; no value
//	c parent family NUL id      in the family, by the state shown; no value
//	p parent id                 in the directory, by the state known only; no value
//	u id                        unstamped; no value
//	h id                        held: content not yet taken; no value
//	n id                        entries shown in the directory: uvarint
//	v id                        shown elsewhere, to undo a cycle: id of the parent
//	g id                        shown as one with: count, that many ids
//	y id                        a conflict copy that is no item yet: id of its item
//	f id family                 a family of the directory shows a conflict; no value
//	d id 1                      all families of the directory are dirty; no value
//	d id 2 family               one family is; no value
//	a slot name                 an entry on disk (below)
//	w id                        where the item is on disk: at
//	s slot                      where the directory is: at
//	r hash at                   entry by the root hash of its content; no value
//	x device inode at           entry by inode; no value
//	e hash at                   entry in a link group, by the hash (16 bytes) of what names of one inode have
//	                            in common: group, content, attributes; no value
//	L hash                      chunk list of a content: count of further pieces, first bytes
//	L hash piece(4)             a further piece: bytes
//	k hash hash offset          a chunk, by its hash, in a content: its length, uvarint
//	q hash id                   a content wanted, and an item that wants it; no value
//	t hash                      a content staged: file name, signature
//	z number                    states of the redo: 0, then each after its length: uvarint; or one state
//	P name                      peer: knowledge, last session: varint, error: string, wanted: uvarint
//	m schema                    version of all this: uvarint, 2
//	m knowledge, m redo         vector
//	m clock                     varint
//	m folder                    signature
//	m slot, m redo states       the last number given: uvarint
//
// A signature is device, inode: uvarint; size, mtime, ctime: varint. An entry on disk is
//
//	flags      1 byte: 1 directory, 2 absent, 4 racy, 8 content follows, 16 it is a symlink, 32 copy,
//	           64 in a link group
//	slot       uvarint; of a directory
//	items      count, that many ids
//	copy of    id, then count and dots; of a copy
//	group      16 bytes; of one in a link group
//	content    target: string, or root: 32 bytes; size: uvarint, mtime: varint, timestamp
//	mode       uvarint, mtime: varint, xattrs: 32 bytes, signature
//
// # Durability
//
// An Update is visible when it returns and on disk after the next Sync. Until then a killed process
// loses nothing (what Badger writes is in the kernel's hands), and a power cut loses the latest
// Updates: some last ones, whole, never one from the midst.
//
// Badger appends each commit to the log of its active memtable, through a mapping, and starts the
// next memtable when one is full; its Sync fsyncs the active one only. A memtable that was rotated and
// is not yet flushed to a table would be missed, and the kernel may write the pages of the new one
// before those of the old. So the journal fsyncs the memtable before every commit that may be the one
// to rotate it (tail, in durability.go; it reckons how full the memtable is, and looks afterwards
// whether a new one has come). Tables and the manifest Badger fsyncs itself before it deletes the
// memtable they come from. Open fsyncs every file that a killed process left.
//
// # Full disks
//
// What Badger writes through a mapping to a block that a full disk has not got would end the process. So the blocks of the
// active memtable's log are there before a commit needs them (room, in room.go), some MiB ahead where the disk has much
// more; a commit for which there is no room fails with ENOSPC, as does one that may rotate the memtable where there is
// none for the table that it becomes, and so does Open, where there is none for the tables that the logs of a killed
// process become. Close leaves the log as that does, where there is none.
//
// # What is not promised
//
// The value log is for values of a MiB and more: states with giant attributes; its garbage is never
// collected. The logs of memtables end at the first entry that cannot be read, as after a power cut,
// so a byte that flips there cuts off what follows. Bytes that flip in a table are told by Verify and,
// where Badger does not pass over them, by what reads them.
package journal
