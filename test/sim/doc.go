// Package sim runs random histories of a few replicas against the real journal and the real tree, and
// holds what comes of them against what syncfs promises.
//
// A history is drawn from a seed: two to five replicas with clocks that are wrong; programs that create,
// edit, move, exchange and remove; sessions whole, broken off, late, repeated, or cut by a crash;
// content that is not here yet; crashes back to what was last fsynced, restores of a backup, daemon
// restarts, new members. Time, randomness and the order of everything come from the seed, so a
// history that failed fails again.
//
// Each program's change must change the shown tree by exactly itself. After each event the tree kept
// up to date by package tree must be the one that package view computes from all items at once. In
// the end all replicas meet, and must agree, having lost nothing. See oracles.go.
//
// A failing history is made as short as it goes before it is printed.
package sim
