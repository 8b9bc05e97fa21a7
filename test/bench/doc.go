// Package bench measures the main job against what people would do without it: a source tree of some 10,000 files
// comes to an empty replica, beside `rsync -a` over the same OpenSSH server, in turns; a flush with nothing to do
// among these files; and the tree copied into a mount beside a plain directory. `make bench` prints the medians
// and their ratios: on a busy machine only the ratios tell.
package bench
