// Package churn has many programs change one real mount at random, and then holds the journal against the
// disk: once all has come to rest the journal must say exactly what is on disk, and the tree must show that.
// What it misses is missing on every peer.
//
// A history is drawn from its seed, which is printed. How the threads of the programs come in each
// other's way is the kernel's to say: a seed that has failed may have to be played again.
package churn
