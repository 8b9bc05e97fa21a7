// Package disk keeps what is on disk behind the view. It takes what programs do to the folder into the
// tree, and makes on disk what a session brought; it implements what the mount reports to, and what
// sessions see of this replica.
//
// # The applied tree
//
// The journal holds, beside the items, the tree as it is on disk: each entry by directory and name, with the
// items that it is, the content that was taken from it and its stat signature. It lags the view. What a
// program does is done to the disk, so changes are resolved in the applied tree, and the tree is told what
// the program saw. A directory on disk is a slot: a number that stays when it is renamed, so that a key, slot
// and name, stays right where a path does not.
//
// # One loop
//
// One goroutine, the loop, makes all changes: it drains the queue of changes recorded, journals the
// contents that workers took from files, journals what the scan confirms, and makes steps on disk. Each
// group is one transaction of the journal; in memory nothing remains of one that failed (batch). Record
// appends to the queue and waits for nobody.
//
// # What may be looked at
//
// A change is journaled after others have been made, so its path may lead to something else by then. Names are
// journaled by what is recorded alone: a change tells what was made (change.Made). Attributes and contents are
// looked at on disk, and count only if the inode is that of the entry meant (attend, mistaken); else they are looked
// for again, once what is recorded by then is journaled (relook). What no record explains is for a scan, which takes in
// what it finds while no name changes and with the queue drained (confirm). A step that was refused has what is there
// taken in in the same way, as the last thing of its transaction (refusedStep). A flush, and each session, waits for
// what is still to be looked at again.
//
// # Contents
//
// A file becomes an item when its content is taken: after Settled, by a worker that reads it underneath
// and compares its signature before and after. The result counts if the file is still at the same path and
// no change in the queue says otherwise; else it is taken again. Git's rule for racy files holds: a
// file changed within one tick of the clock before it was read is read again by the next scan. The same
// bytes are no edit.
//
// # Steps
//
// The tree marks the families of names where something may differ. For each the executor compares the view
// with what is on disk and asks for what a node needs first: its directory in place, its name free. Two that
// wait for one another change places in one step (exchange), so that no program sees another name. Where they can't,
// since one is in the other, one is not on disk, or the filesystem has no such step, one goes through a name of limbo.
// It is convergent: it has no list of steps to lose, and looks at a family until nothing differs. A step names the
// signature that it expects. If something else is there that is taken in first (look), so it can only become a
// conflict. Before a content goes, who else shows it is put in place (save).
//
// What is new and nothing else is under its names, most of what a first session brings, is put in place beside the
// transaction (placing): the executor finds out meanwhile what comes next, and journals what was placed before it looks
// at anything else on disk.
//
// A step tells the order number of the last change recorded before it took effect. These changes are
// journaled first, in the same transaction, and only then the step, at the key that its path has then.
//
// A file that is known and not here has an absent entry. It appears while no name changes, so a program that
// did not see it has not replaced it.
//
// # Link groups
//
// Each name of a file is an item; those of one file have one link group, a register of their meta. The tree shows each
// name by itself, the disk behind it links: files that the tree shows in one group, with equal content and attributes
// (journal.Alike), are one inode, and no others are.
//
// What programs do to a file by one name is taken in under all its names in one transaction (otherNames). Which these are
// the entries on disk say, by inode, not the groups: a program sees the disk. link(2) gives the first name a group and is
// a change of it; a name that is found with another inode than it had joins the group of that, or leaves its own (regroup).
// First contact derives groups from the IDs of the items, once all names are found.
//
// The executor never merges attributes: names whose registers differ are separate files until they are equal, so no step
// of it is ever taken for an operation, and no two replicas answer one another. A name comes by a link in staging that
// is placed like any content (link); one that is to differ from the rest of its inode gets a copy (part); attributes that all names are
// to have are set in place (dressAll). Each name is compared with the first that is alike, and that one looks after the others
// (rejoin), so that many names cost each the same. A step on one name gives all of them a new change time: that this
// was no program's is remembered (renewal).
//
// # What is durable when
//
// A content is put together in staging, fsynced (in groups, by syncfs), noted in the journal, and only then
// renamed into place. The journal is not fsynced for a step: after a crash the disk may be ahead of it. It is never
// behind: steps are durable on disk (Disk.Durable: directories one by one, or syncfs) before the transaction that
// says they are made is committed. What programs did is made durable before a session sends it; before that the journal
// may be ahead of the disk, by what nobody has been told. It goes to disk while the rest is journaled (hasten), so a
// session waits for little. In each gap:
//
//   - Staged, not noted: the file is removed at start, its content is wanted as before.
//   - Placed, not journaled: the scan finds a file that the journal does not have there; the content is
//     what the tree shows under that name, so it is noted as in place, and no operation is made.
//   - Moved or removed, not journaled: the scan recognises the file by its inode at the place where the tree
//     shows it, or finds gone what the tree does not show.
//   - Exchanged, not journaled: the scan finds two in one another's place, one of them where the tree shows it; the
//     other, if it is not, waits. No more than one that leaves another waiting is in one transaction.
//   - Found made after a crash: all of the folder is made durable before anything is journaled after a start, and
//     after a transaction that had made steps and failed.
//   - A program's change journaled, not on disk: the scan finds the older state, and journals that.
//   - Changes in the queue: the scan finds what they did.
//
// # The scan
//
// After each start everything on disk is compared with the applied tree. What differs is looked at again
// while no name changes and with the queue drained. Moves are recognised by inode, so what is missing is
// journaled at the end. Steps wait for the scan, but not for that of first contact, which reads everything: there
// nothing was moved. What a program removes before the scan is done is put aside under a name of limbo,
// in the journal alone, until the scan has had the chance to find it elsewhere.
//
// The brake holds what may be a mishap: another folder, or most of the files gone at once.
package disk
