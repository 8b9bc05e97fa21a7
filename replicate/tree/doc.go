// Package tree keeps the items of one replica and the tree that they show. It makes the local
// operations, joins what peers send, and keeps the view (package view says what it is) up to date on
// the journal's indexes, so that each change costs what it touches: a directory renamed with ten
// thousand files in it is one item.
//
// # Two states of an item
//
// The state known is what the journal has joined so far; sessions and knowledge speak of it. Where
// the content of a live file is still on its way an older state stays beside it and is the one shown,
// whole. An operation is made on the state shown and joined into the state known, so that it
// supersedes what was shown and nothing else.
//
// # The operation law
//
// A local operation changes the shown tree by exactly itself. Conflict names, copies and undone cycles
// are how the view shows what replicas did apart; were they left for the view to show again after the
// operation, one file's fate would change another's name. So before an operation touches a name, what
// the view shows in that family is written down (settle.go).
//
// Operations come from programs, who see the disk, and the disk lags behind the view. A node is
// therefore handed in as the program saw it: which items, and which content. What the view shows
// meanwhile is settled; a content that the node did not have is never superseded.
//
// # Stamping
//
// A local change gets a provisional dot, whose number is a reading of the replica's clock: it grows
// for good without being kept. Before a session begins each changed item gets one real dot. Held
// items (created, their content not taken yet) are left out and sent to nobody.
//
// # What is incremental
//
// Each item has a seat: the directory that it is shown in, and its name there. A change of an item
// takes it from its seat and puts it on another; only these two families can show anything new, and
// the counts above them. An Edit notes the families touched, which is what the disk has to look at
// again. Three things are kept beside the counts: the cycles undone (cycle.go), the directories that
// are one node (merge.go), the families that show a conflict (conflict.go).
package tree
