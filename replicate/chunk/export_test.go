package chunk

// RootHash is the hash that b has as a root.
func RootHash(b []byte) Hash { return roots.sum(b) }
