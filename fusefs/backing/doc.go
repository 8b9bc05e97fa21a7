// Package backing reads and changes the folder underneath, by *at calls from the directory handle that
// was opened before the folder was mounted over.
//
// Every path is relative to that handle, of any depth and length, and is resolved by openat2 with
// RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS: no symlink and no ".." leads out of the folder. Nothing is
// cached between two calls, so a directory that moves meanwhile is found at its new path and not at the
// old one. The directory .syncfs is not part of the folder: its path is ENOENT.
//
// # Steps
//
// Place, Move, Remove and Attr are the steps of package step. What is replaced is first exchanged with
// what replaces it and then moved to .syncfs/trash, so that there is no moment without the file and
// nothing is lost if the process ends in between (the old file is then left in .syncfs/staging). What
// came out of the exchange is looked at again: if it is not what was expected, it is put back.
//
// Trash keeps the path readable: .syncfs/trash/20261122T101530Z/PATH, with -2, -3, … after the time
// where a file of that path was replaced in the same second.
//
// A step in a directory whose mode forbids it to its owner lends itself the permission for the moment.
//
// Folder is the whole of it for a folder that is not mounted. The mount shares its work through At.
package backing
