// Package bench measures, and fails at no figure: on a busy machine only ratios tell. `make bench` prints medians of
// what is done in turns.
//
// The main job, against what people would do without it: a source tree of some 10,000 files comes to an empty replica,
// beside `rsync -a` over the same OpenSSH server; and a flush with nothing to do among these files.
//
// The mount, against the directory underneath: what programs do (workload_test.go) in a plain directory, in a mount, and
// in the same mount without a journal; as root and as an ordinary user, who has another mode of mount. A workload runs in
// a process of its own, which tells how long it took. The requests that the kernel sends are counted apart, since that
// takes time. And the memory that a million files take.
package bench
