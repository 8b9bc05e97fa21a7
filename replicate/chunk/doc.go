// Package chunk names contents. A content is cut where its own bytes say so (FastCDC), so that an
// insertion moves no cut but those beside it; a chunk is named by the BLAKE3 hash of its bytes, and the
// content by the root hash of a tree over its chunks. The nodes of the tree are content-defined too:
// equal bytes have an equal root whatever their history, and two versions of a file share all nodes but
// those above what differs.
//
// # The format
//
// All of this is part of the format: a replica that computed any of it otherwise would find no content
// equal. testdata holds vectors.
//
// Gear. The table G of 256 uint64 is the first 2,048 bytes of BLAKE3's extended output for the ASCII
// seed "syncfs chunk gear 1", little-endian.
//
// Cut. From the start of a chunk skip 16 KiB (Min). Then, from h = 0, for each byte b in turn,
// h = 2h + G[b] mod 2^64; the chunk ends after b if the top bits of h are all zero: the top 18 up to a
// length of 64 KiB (Avg), beyond it the top 14. It ends in any case at 256 KiB (Max) and at the end of
// the content.
//
// Chunk hash. BLAKE3-256 of the bytes.
//
// Node. Entries are pairs (hash, size); those of height 1 are chunks, those of height k+1 nodes of
// height k. While a level has more than 128 entries it is cut into nodes: a node ends after an entry
// whose hash has a last byte below 8, but holds at least 2 and at most 128 entries; the last may hold
// one. A level of at most 128 entries is the root's. A node is encoded as
//
//	+--------+----------------------+----------+ ...
//	| height | hash of an entry, 32 | size, 8  |   once for each entry; size is big-endian
//	+--------+----------------------+----------+ ...
//
// and its hash is BLAKE3 of that in key derivation mode, with the context "syncfs 2026 chunk tree node 1"
// for a node, "syncfs 2026 chunk tree root 1" for the root: a chunk, a node and a root are never taken for
// one another, and the root binds size and height. The root of the empty content has height 1 and no
// entry.
package chunk
