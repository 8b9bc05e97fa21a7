// Package posix holds the mount against the directory underneath, system call by system call.
//
// The table is in cases/*.txt: small scripts, each run in a new directory of its own, once on a native
// directory and once on a mount over a folder of the same filesystem. What each line comes to is written
// down as text. The native result must be what the line says after "=>", as the standard has it (a line
// that says nothing must succeed), and the mount's must be the native one. A difference that has a reason
// stands in docs/guarantees.md and in the list of known differences, each of which must be seen.
//
// # A case
//
//	== a name | as=root T=reg,dir,+block
//	make $T f 0644
//	owner: chmod f 0600    => EPERM
//	stat f mode            => 0644
//
// A case runs once for each value of its parameters; those with a plus are for root alone. as says who
// runs the lines that name nobody: root or owner, by default each in turn. Others are member (of owner's
// group, which is not its own), stranger, other (a second process of the same user) and under (who works
// in the folder below a mount that is read-only). On an ordinary user's own mount there is only owner.
//
// Where a line takes a path, %a stands for what is open as a (fchmod for chmod) and %a/name for a path
// from there. %%a is the path /proc/self/fd of it. <x*255> repeats a text, <path:4095> is a path of that
// length, made of directories d, <owner> and the like are numbers of users and groups. Go's escapes hold
// in words; a word "" is empty.
package posix
