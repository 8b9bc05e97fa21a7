// Package folder finds the replica that a command is about: in the mount table, by the working
// directory, by the .syncfs directory of a folder that is not mounted. It reads names and mounts only;
// what is inside .syncfs belongs to others.
//
// A mount hides .syncfs, and a daemon that was killed leaves a mount on which every call ends with
// ENOTCONN. So nothing here looks into a folder before it has asked the mount table.
package folder
