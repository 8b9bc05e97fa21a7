// Command random does random things to a file or a tree, as programs might, and says where what comes of it is not
// what must come of it. It is a process of its own: one that maps a file of its own mount waits for itself when
// it touches a page.
//
//	random file [-seed N] [-ops N] [-handles] FILE
//	random tree [-seed N] [-ops N] [-threads N] [-processes N] [-without KIND,...] DIR
//	random twin [-seed N] [-ops N] [-without KIND,...] DIR DIR
//	random list DIR
//
// file compares the file with a shadow of it in memory after each step; with -handles only by what it holds open,
// since somebody else may put another file there. tree has many threads work on few names, and wants no error but
// those that the others explain. twin does the same thing in two directories, and wants the same result. list
// prints a tree, for comparison with another. The seed is printed; with it, one thread does the same again.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"

	"golang.org/x/sys/unix"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout)) }

// A task is what is to be done, and how.
type task struct {
	seed               uint64
	ops                int
	threads, processes int
	handles            bool
	without            string
	out                io.Writer
}

// A source gives what is random of one thread.
type source struct {
	*rand.Rand
	bytes *rand.ChaCha8
}

func newSource(seed, thread uint64) source {
	var key [32]byte
	for i := range 8 {
		key[i], key[8+i] = byte(seed>>(8*i)), byte(thread>>(8*i))
	}
	c := rand.NewChaCha8(key)
	return source{rand.New(c), c}
}

// data is n random bytes.
func (s source) data(n int) []byte {
	b := make([]byte, n)
	s.bytes.Read(b)
	return b
}

var errUsage = errors.New("usage: random file|tree|twin|list [flags] PATH")

func run(args []string, out io.Writer) int {
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, errUsage)
		return 2
	}
	k := task{out: out}
	flags := flag.NewFlagSet("random "+args[0], flag.ContinueOnError)
	flags.Uint64Var(&k.seed, "seed", rand.Uint64(), "of all that is random")
	flags.IntVar(&k.ops, "ops", 10000, "how many `operations` in all")
	flags.IntVar(&k.threads, "threads", 4, "of each process")
	flags.IntVar(&k.processes, "processes", 2, "that work at once")
	flags.StringVar(&k.without, "without", "", "kinds of operations, by name, that are left out")
	flags.BoolVar(&k.handles, "handles", false, "another may be at the name of the file at any time")
	if err := flags.Parse(args[1:]); err != nil {
		return 2
	}
	unix.Umask(0)
	err := k.do(args[0], flags.Args())
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, err)
		return 2
	case err != nil:
		fmt.Fprintf(out, "seed %d\n%v\n", k.seed, err)
		return 1
	}
	return 0
}

func (k task) do(what string, paths []string) error {
	switch {
	case what == "file" && len(paths) == 1:
		return k.file(paths[0])
	case what == "tree" && len(paths) == 1:
		return k.tree(paths[0])
	case what == "twin" && len(paths) == 2:
		return k.twin(paths[0], paths[1])
	case what == "list" && len(paths) == 1:
		return list(k.out, paths[0])
	}
	return errUsage
}
